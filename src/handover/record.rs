//! The record of one connection, as the hand-over carries it.
//!
//! These types are a file format, see `file.rs`. A new field takes `#[serde(default)]`. Where an
//! older daemon would go wrong without the field, the format gets a new number.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::message::Protocol;
use crate::protocol::Progress;

/// One open connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The protocol; `None` if no byte has come yet.
    pub protocol: Option<Protocol>,
    /// The decoder's state beside `input`.
    pub progress: Progress,
    /// Bytes received and not yet carried out.
    pub input: ByteBuf,
    /// Bytes to be sent.
    pub output: ByteBuf,
    /// The connection closes as soon as `output` is sent.
    pub is_closing: bool,
    /// The fields of CLIENT LIST.
    pub client: ClientRecord,
    /// The commands since MULTI.
    pub transaction: Option<TransactionRecord>,
    /// The connection watched keys. Their changes during the restart are unknown.
    pub has_watched: bool,
    /// The key space that the connection works on.
    pub keys: KeySpace,
}

/// The fields of CLIENT LIST that outlive the daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// The connection's number.
    pub id: u64,
    /// The name that the client set.
    pub name: ByteBuf,
    /// The name of the client's library.
    pub library: ByteBuf,
    /// The version of the client's library.
    pub library_version: ByteBuf,
    /// The last command.
    pub command: String,
    /// The number of commands so far.
    pub commands: u64,
    /// The time since the connection was opened.
    pub age: Duration,
    /// The time since the last command.
    pub idle: Duration,
}

/// A transaction that waits for EXEC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionRecord {
    /// The queued requests: the words of each.
    pub requests: Vec<Vec<ByteBuf>>,
    /// A command was refused, so that EXEC will refuse all of them.
    pub is_spoilt: bool,
}

/// The key space that a connection works on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySpace {
    /// The user's own keys; with a shared key space, all keys.
    #[default]
    Own,
    /// The keys of all users; only an administrator can choose this.
    All,
    /// The keys of the user with this uid; only an administrator can choose this.
    User(u32),
}

/// In the words of the log.
impl fmt::Display for KeySpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySpace::Own => f.write_str("own"),
            KeySpace::All => f.write_str("all"),
            KeySpace::User(uid) => uid.fmt(f),
        }
    }
}
