//! Counts of the near caches of a store.

use std::sync::atomic::AtomicU64;

/// Hits and misses, over all connections that the store has had.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Reads that were answered from the cache.
    pub(crate) hits: AtomicU64,
    /// Reads that were sent to the server.
    pub(crate) misses: AtomicU64,
}
