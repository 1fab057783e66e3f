//! The state that all connections of a server share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, watch};

use super::admission::Admission;
use super::options::Options;
use crate::account::Places;
use crate::command::{Client, Context};
use crate::handover::Carried;
use crate::memory::Memory;

/// The stages of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server serves its connections.
    Serving,
    /// The server answers the requests received, and keeps its connections open for the next
    /// daemon.
    HandingOver,
    /// The server answers the requests received, and closes its connections.
    Draining,
}

/// The state that all connections of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: Arc<Context>,
    pub(super) options: RwLock<Arc<Options>>,
    pub(super) admission: Arc<Admission>,
    pub(super) memory: Arc<Memory>,
    /// The stage of the server.
    pub(super) stage: watch::Sender<Stage>,
    /// The connections given up for the next daemon, with their clients.
    pub(super) handed: Mutex<Vec<(Arc<Client>, Carried)>>,
    /// Signals new limits.
    pub(super) reloaded: Notify,
    /// Places for connections whose peers have hung up while requests are still executed.
    pub(super) leftovers: Arc<Places>,
    /// The number of connections that are being refused.
    pub(super) refusing: AtomicUsize,
}

impl Shared {
    /// The limits in force.
    pub(super) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether connections are kept for the next daemon.
    pub(super) fn is_handing_over(&self) -> bool {
        *self.stage.borrow() == Stage::HandingOver
    }

    /// Ends when the daemon stops serving.
    pub(super) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stage = self.stage.subscribe();
        async move {
            // The sender lives as long as the server.
            let _ = stage.wait_for(|stage| *stage != Stage::Serving).await;
        }
    }

    /// Keeps a connection for the next daemon.
    pub(super) fn hand_over(&self, client: Arc<Client>, carried: Carried) {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).push((client, carried));
    }
}
