//! Makes the near cache of each new connection; what is counted outlives them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::values::Cache;
use crate::store::options::Options;

/// How often values were found, by all connections of a store one after the other.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Values that were found.
    pub(crate) hits: AtomicU64,
    /// Those that the server was asked for.
    pub(crate) misses: AtomicU64,
}

/// Makes an empty near cache for each connection.
#[derive(Debug, Clone)]
pub(crate) struct CacheFactory {
    bytes: usize,
    figures: Arc<Figures>,
}

impl CacheFactory {
    /// `None` where the options want no near cache.
    pub(crate) fn new(options: &Options) -> Option<CacheFactory> {
        (options.cache > 0).then(|| CacheFactory { bytes: options.cache, figures: Arc::default() })
    }

    /// An empty cache for a new connection.
    pub(crate) fn make(&self) -> Cache {
        Cache::new(self.bytes, Arc::clone(&self.figures))
    }

    /// Counts of all caches that this factory has made.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }
}
