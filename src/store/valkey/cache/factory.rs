//! Makes the near cache of each new connection. The counts outlive the connections.

use std::sync::Arc;

use super::figures::Figures;
use super::values::Cache;
use crate::store::options::Options;

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

    /// The counts of all caches that this factory has made.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }
}
