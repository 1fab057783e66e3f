//! The seam between commands and the engines that keep the data.
//!
//! A batch of [`Operation`]s goes in, a batch of replies comes out, in the same order and of the
//! same length. Both engines keep the promises of [`Store::execute`] and pass one contract suite
//! (`tests/contract`).

mod embedded;
mod location;
mod operation;
mod secret;
mod valkey;

use std::time::Duration;

use bytes::Bytes;

use crate::message::Reply;

pub use self::location::{Location, LocationError, Server, Transport};
pub use self::operation::{Effect, Keys, Operation, Verb};
pub use self::secret::Secret;

/// What a store is opened with; made by `config`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which engine, and where its data is.
    pub location: Location,
    /// User name at the server, over what the location's URL says.
    pub username: Option<String>,
    /// Password at the server, over what the location's URL says.
    pub password: Option<Secret>,
    /// PEM certificates and key for `valkeys://`.
    pub tls: Tls,
    /// The longest that a request waits for a store that is away, and for each reply; zero waits
    /// without end.
    pub timeout: Duration,
    /// Put before every key in the store, and never seen by a client.
    pub prefix: Bytes,
    /// When the embedded engine writes through to the disk.
    pub sync: Sync,
    /// How many of the most recently set keys `last` can reach.
    pub last_depth: usize,
    /// Bytes that one reply may hold.
    pub max_reply: usize,
}

/// PEM texts for a TLS connection.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Who signs the server's certificate; the system's list without it.
    pub ca: Option<Vec<u8>>,
    /// This client's certificate chain.
    pub cert: Option<Vec<u8>>,
    /// The private key of `cert`.
    pub key: Option<Secret>,
}

/// When an acknowledged write of the embedded engine is on the disk, as Valkey's `appendfsync`.
///
/// With each of them a write that was acknowledged outlives the death of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Before its reply: it outlives a loss of power.
    #[default]
    Always,
    /// Within a second.
    EverySecond,
    /// When the kernel likes.
    No,
}

/// Whether the store answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Up,
    /// It does not, and why; without a password or the like.
    Down(String),
}

/// The store cannot be opened at all (as opposed to being away just now).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot work, whatever the store does: a certificate that is none, say.
    #[error("{0}")]
    Config(String),
    /// Another process has the embedded store open.
    #[error("embedded store {path} is in use by another process")]
    Locked {
        /// The directory.
        path: String,
    },
    /// The embedded store's files do not make sense.
    #[error("embedded store {path} is damaged: {why}")]
    Damaged {
        /// The directory.
        path: String,
        /// What the engine found.
        why: String,
    },
    /// The directory cannot be made, read or written.
    #[error("embedded store {path}: {source}")]
    Io {
        /// The directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// An open store.
#[derive(Debug)]
pub enum Store {
    /// A Valkey or Redis server.
    Valkey(valkey::Valkey),
    /// A directory of this process's own.
    Embedded(embedded::Embedded),
}

impl Store {
    /// Opens the store. A server that is away is no error: the connection is made, and made
    /// again, in the background. Needs a running tokio runtime.
    pub fn open(options: Options) -> Result<Store, OpenError> {
        match options.location.clone() {
            Location::Valkey(server) => valkey::Valkey::open(&server, options).map(Store::Valkey),
            Location::Embedded(path) => {
                embedded::Embedded::open(&path, options).map(Store::Embedded)
            }
        }
    }

    /// Carries out `batch` and gives one reply for each operation, in order.
    ///
    /// - A write that was answered without an error is there.
    /// - A write whose outcome is unknown is [`crate::message::ErrorReply::OutcomeUnknown`] with
    ///   the verb's name, and is never sent again.
    /// - Nothing waits longer than [`Options::timeout`] for a store that is away or for one
    ///   reply, except [`Verb::Save`], which waits until the data is on disk.
    /// - Keys that carry the name of the side index ([`operation::is_reserved`]) are refused.
    pub async fn execute(&self, batch: Vec<Operation>) -> Vec<Reply> {
        match self {
            Store::Valkey(engine) => engine.execute(batch).await,
            Store::Embedded(engine) => engine.execute(batch).await,
        }
    }

    /// Whether the store answers now, as last seen; costs nothing.
    pub fn health(&self) -> Health {
        match self {
            Store::Valkey(engine) => engine.health(),
            Store::Embedded(engine) => engine.health(),
        }
    }

    /// Writes what is still held back (the side index of `last`; unsynced data) and closes.
    /// Waits at most `limit`.
    pub async fn close(&self, limit: Duration) {
        match self {
            Store::Valkey(engine) => engine.close(limit).await,
            Store::Embedded(engine) => engine.close(limit).await,
        }
    }
}
