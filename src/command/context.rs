//! What commands work on: the store, the key generator, and the daemon's counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::caller::Administrators;
use super::size::CachedSize;
use crate::keygen::Generator;
use crate::logging::Logging;
use crate::store::Store;

/// Shared by all connections.
#[derive(Debug)]
pub struct Context {
    /// Where the data is.
    pub store: Store,
    /// The store's URL without user and password, for `status`.
    pub store_url: String,
    /// Makes `txkey` and `rtkey`.
    pub keys: Generator,
    /// Who may do what is for administrators.
    pub administrators: Administrators,
    /// What has happened so far.
    pub counters: Counters,
    /// The log, which counts what it had to drop.
    pub logging: Arc<Logging>,
    /// The number of keys, as `status` shows it.
    pub(super) size: CachedSize,
    started: Instant,
}

impl Context {
    /// Starts counting now.
    pub fn new(
        store: Store,
        store_url: String,
        administrators: Administrators,
        logging: Arc<Logging>,
    ) -> Context {
        Context {
            logging,
            store,
            store_url,
            keys: Generator::default(),
            administrators,
            counters: Counters::default(),
            size: CachedSize::default(),
            started: Instant::now(),
        }
    }

    /// How long the daemon has been serving.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Counts since the start, but for `clients`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections open now.
    pub clients: AtomicU64,
    /// Connections taken.
    pub connections: AtomicU64,
    /// Connections refused because there were too many.
    pub refused: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Requests answered with an error.
    pub errors: AtomicU64,
}

impl Counters {
    /// The present value of one of them.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
