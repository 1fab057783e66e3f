//! The options of a store.

use std::time::Duration;

use bytes::Bytes;

use super::location::Location;
use super::secret::Secret;

/// The options of a store, made by `config`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The engine, and the place of the data.
    pub location: Location,
    /// The user name at the server. Takes precedence over the location's.
    pub username: Option<Secret>,
    /// The password at the server. Takes precedence over the location's.
    pub password: Option<Secret>,
    /// PEM certificates and key for `valkeys://`, `valkeys-sentinel://` and `valkeys-cluster://`.
    pub tls: Tls,
    /// The longest wait of a request for a store that is away, and for each reply; zero is without
    /// limit.
    pub timeout: Duration,
    /// The prefix of every key in the store. Clients never see it.
    pub prefix: Bytes,
    /// When the embedded engine syncs to the disk.
    pub sync: Sync,
    /// The number of most recently set keys that `last` can reach.
    pub last_depth: usize,
    /// The most bytes of one reply; 0 is unlimited.
    pub max_reply: usize,
    /// The most bytes of the Valkey engine's near cache; 0 is none. Must be 0 for a cluster. The
    /// embedded engine ignores it.
    pub cache: usize,
    /// Whether clients use parts of the store, see [`super::Store::part`]. The names of parts end
    /// with their first colon.
    pub has_parts: bool,
    /// The longest time that keys may be watched. A later transaction does not take place.
    pub watch_limit: Duration,
}

/// PEM texts for a TLS connection.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// The certificate authorities; the system's if `None`.
    pub ca: Option<Vec<u8>>,
    /// This client's certificate chain.
    pub cert: Option<Vec<u8>>,
    /// The private key of `cert`.
    pub key: Option<Secret>,
}

/// When an acknowledged write of the embedded engine is synced to the disk, as Valkey's
/// `appendfsync`.
///
/// In all cases, an acknowledged write outlives the death of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Before its reply: the write outlives a loss of power.
    #[default]
    Always,
    /// Within a second.
    EverySecond,
    /// When the kernel decides.
    No,
}
