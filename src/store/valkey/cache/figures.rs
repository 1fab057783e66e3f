//! What is counted of the near caches of a store.

use std::sync::atomic::AtomicU64;

/// How often values were found, by all connections of a store one after the other.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Values that were found.
    pub(crate) hits: AtomicU64,
    /// Those that the server was asked for.
    pub(crate) misses: AtomicU64,
}
