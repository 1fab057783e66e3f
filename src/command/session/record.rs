//! The parts of a session that the next daemon needs. `execute/restore.rs` reads them.

use bytes::Bytes;
use serde_bytes::ByteBuf;

use super::queue::command_words;
use super::state::{Session, Watched};
use crate::command::table::Command;
use crate::handover::{ClientRecord, KeySpace, TransactionRecord};

impl Session {
    /// The fields that CLIENT LIST shows.
    pub fn client_record(&self) -> ClientRecord {
        let about = self.client.about();
        let bytes = |bytes: &Bytes| ByteBuf::from(bytes.to_vec());
        ClientRecord {
            id: self.client.id,
            name: bytes(&about.name),
            library: bytes(&about.library),
            library_version: bytes(&about.library_version),
            command: about.command.to_owned(),
            commands: about.commands,
            age: self.client.age(),
            idle: about.active.elapsed(),
        }
    }

    /// The queued transaction, as the requests that made it.
    pub fn transaction_record(&self) -> Option<TransactionRecord> {
        self.queue.as_ref().map(|queue| TransactionRecord {
            requests: queue.commands().map(words).collect(),
            is_spoilt: queue.is_spoilt,
        })
    }

    /// Whether the session watches keys, or has lost its watch.
    pub fn has_watched(&self) -> bool {
        !matches!(self.watched, Watched::Nothing)
    }

    /// The session's key space.
    pub fn key_space(&self) -> KeySpace {
        self.key_space
    }
}

/// The words of the request for a queued command.
fn words((command, args): (&Command, Vec<&[u8]>)) -> Vec<ByteBuf> {
    let name = command_words(command).map(str::as_bytes);
    name.map(ByteBuf::from).chain(args.into_iter().map(ByteBuf::from)).collect()
}
