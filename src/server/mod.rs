//! The serving side: takes connections, reads requests, writes replies, drains.

mod accept;
mod admission;
mod connection;
mod memory;
mod peer;
mod refusal;

use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use self::admission::Admission;
use self::memory::Memory;
use crate::command::Context;

pub use self::refusal::refuse_all;

/// Limits of the serving side. Zero is unlimited, where not said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Connections at a time.
    pub max_clients: usize,
    /// Connections at a time of one uid.
    pub max_clients_per_user: usize,
    /// Bytes of one request, as sent.
    pub max_request: usize,
    /// Bytes of one reply.
    pub max_reply: usize,
    /// Bytes of all connections' buffers together; past it reading pauses.
    pub max_memory: usize,
    /// A connection that says nothing for this long is closed.
    pub client_timeout: Duration,
    /// The longest that a stop waits for requests already received.
    pub drain_timeout: Duration,
    /// Members of this group are administrators.
    pub admin_gid: Option<u32>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    context: Arc<Context>,
    options: RwLock<Arc<Options>>,
    admission: Admission,
    memory: Arc<Memory>,
    /// Becomes true when the daemon drains.
    draining: watch::Sender<bool>,
    /// A client with the right to do so asked for a stop.
    stop_requested: Notify,
    /// Connections being refused.
    refusing: AtomicUsize,
}

impl Shared {
    fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends when the daemon drains.
    fn drained(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut draining = self.draining.subscribe();
        async move {
            // The sender lives as long as this server.
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Starts to serve `listeners`, which must not block. Needs a running tokio runtime.
    pub fn start(
        listeners: Vec<UnixListener>,
        options: Options,
        context: Arc<Context>,
    ) -> std::io::Result<Server> {
        let shared = Arc::new(Shared {
            context,
            admission: Admission::default(),
            memory: Arc::new(Memory::new(options.max_memory)),
            options: RwLock::new(Arc::new(options)),
            draining: watch::Sender::new(false),
            stop_requested: Notify::new(),
            refusing: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            tasks.spawn(accept::accept(listener, Arc::clone(&shared)));
        }
        Ok(Server { shared, tasks })
    }

    /// Ends when a client asked for a stop.
    pub async fn stop_requested(&self) {
        self.shared.stop_requested.notified().await;
    }

    /// Puts new limits in force: for new connections, and for the administrators' group at once.
    pub fn set_options(&self, options: Options) {
        self.shared.context.administrators.set_group(options.admin_gid);
        *self.shared.options.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(options);
    }

    /// The limits in force.
    pub fn options(&self) -> Arc<Options> {
        self.shared.options()
    }

    /// Takes no more connections, answers what was received in full, and closes. Ends when that
    /// is done, or after the drain time-out; gives the number of connections that were cut off.
    pub async fn drain(mut self) -> usize {
        let limit = self.shared.options().drain_timeout;
        self.shared.draining.send_replace(true);
        let done = async { while self.tasks.join_next().await.is_some() {} };
        if limit.is_zero() {
            done.await;
        } else if tokio::time::timeout(limit, done).await.is_err() {
            tracing::warn!(limit = ?limit, "drain timed out");
        }
        let cut_off = self.shared.admission.open();
        self.tasks.shutdown().await;
        cut_off
    }

    /// Connections that are being told that there are too many.
    pub fn refusing(&self) -> usize {
        self.shared.refusing.load(Ordering::Relaxed)
    }
}
