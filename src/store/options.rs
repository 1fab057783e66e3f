//! What a store is opened with.

use std::time::Duration;

use bytes::Bytes;

use super::location::Location;
use super::secret::Secret;

/// What a store is opened with; made by `config`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which engine, and where its data is.
    pub location: Location,
    /// User name at the server, over what the location's URL says.
    pub username: Option<Secret>,
    /// Password at the server, over what the location's URL says.
    pub password: Option<Secret>,
    /// PEM certificates and key for `valkeys://`, `valkeys-sentinel://` and `valkeys-cluster://`.
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
    /// Bytes that one reply may hold; 0 is unlimited.
    pub max_reply: usize,
    /// Bytes that the Valkey engine's near cache may take; 0 is none. A cluster has to have none, and
    /// the embedded engine has no use for it.
    pub cache: usize,
    /// Whether clients use parts of the store, see [`super::Store::part`], whose names end with
    /// their first colon.
    pub has_parts: bool,
    /// How long keys may be watched; past it, the transaction does not take place.
    pub watch_limit: Duration,
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
