//! What all connections share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, watch};

use super::admission::Admission;
use super::options::Options;
use crate::account::Places;
use crate::command::{Client, Context};
use crate::handover::Carried;
use crate::memory::Memory;

/// What a server is about to do with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It serves them.
    Serving,
    /// It answers what has come, and keeps them open for the next daemon.
    HandingOver,
    /// It answers what has come, and closes them.
    Draining,
}

/// One for a server.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: Arc<Context>,
    pub(super) options: RwLock<Arc<Options>>,
    pub(super) admission: Arc<Admission>,
    pub(super) memory: Arc<Memory>,
    /// What the daemon is about to do with its connections.
    pub(super) stage: watch::Sender<Stage>,
    /// Connections that were given up for the next daemon, and whose they are.
    pub(super) handed: Mutex<Vec<(Arc<Client>, Carried)>>,
    /// There are new limits.
    pub(super) reloaded: Notify,
    /// Places for connections whose peers have hung up and whose requests are still carried out.
    pub(super) leftovers: Arc<Places>,
    /// Connections being refused.
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
            // The sender lives as long as this server.
            let _ = stage.wait_for(|stage| *stage != Stage::Serving).await;
        }
    }

    /// Keeps a connection for the next daemon.
    pub(super) fn hand_over(&self, client: Arc<Client>, carried: Carried) {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).push((client, carried));
    }
}
