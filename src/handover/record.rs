//! The state of one connection, as it is carried.
//!
//! These types are a file format, see `file.rs`: a field that is added takes `#[serde(default)]`,
//! and where an older daemon would do wrong without it, a new number of the format.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::message::Protocol;
use crate::protocol::Progress;

/// One open connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it speaks; `None` if nothing has come yet.
    pub protocol: Option<Protocol>,
    /// What its decoder knows beside `input`.
    pub progress: Progress,
    /// Received and not yet carried out.
    pub input: ByteBuf,
    /// To be sent.
    pub output: ByteBuf,
    /// It closes as soon as `output` is sent.
    pub is_closing: bool,
    /// What CLIENT LIST tells.
    pub client: ClientRecord,
    /// What came since MULTI.
    pub transaction: Option<TransactionRecord>,
    /// It watched keys, of which nobody knows any more whether they change.
    pub has_watched: bool,
    /// The keys that it works on.
    pub keys: KeySpace,
}

/// What is known of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// Its number.
    pub id: u64,
    /// The name it gave itself.
    pub name: ByteBuf,
    /// The library it uses.
    pub library: ByteBuf,
    /// That library's version.
    pub library_version: ByteBuf,
    /// The command that came last.
    pub command: String,
    /// Commands so far.
    pub commands: u64,
    /// How long it has been open.
    pub age: Duration,
    /// For how long nothing has come.
    pub idle: Duration,
}

/// A transaction that waits for EXEC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionRecord {
    /// The requests that were queued: the words of each.
    pub requests: Vec<Vec<ByteBuf>>,
    /// One was refused: EXEC will refuse them all.
    pub is_spoilt: bool,
}

/// Whose keys a connection works on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySpace {
    /// Those that are its user's: with shared keys, all.
    #[default]
    Own,
    /// Everybody's; an administrator chose so.
    All,
    /// Those of the user with this uid; an administrator chose so.
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
