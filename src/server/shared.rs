//! What all connections share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Notify, watch};

use super::admission::Admission;
use super::memory::Memory;
use super::options::Options;
use crate::command::Context;

/// One for a server.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: Arc<Context>,
    pub(super) options: RwLock<Arc<Options>>,
    pub(super) admission: Arc<Admission>,
    pub(super) memory: Arc<Memory>,
    /// Becomes true when the daemon drains.
    pub(super) draining: watch::Sender<bool>,
    /// A client with the right to do so asked for a stop.
    pub(super) stop_requested: Notify,
    /// Connections being refused.
    pub(super) refusing: AtomicUsize,
}

impl Shared {
    /// The limits in force.
    pub(super) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends when the daemon drains.
    pub(super) fn drained(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut draining = self.draining.subscribe();
        async move {
            // The sender lives as long as this server.
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }
}
