//! The serving side: accepts connections, reads requests, writes replies, drains. Read `accept`
//! first, then `connection/state.rs`.

mod accept;
mod admission;
mod connection;
mod descriptor;
mod dialect;
mod options;
mod peer;
mod presence;
mod refusal;
mod shared;
mod standing;
#[cfg(test)]
mod tests;

use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use self::admission::Admission;
use self::shared::{Shared, Stage};
use crate::account::{Places, Resource};
use crate::command::Context;
use crate::handover::Carried;
use crate::memory::Memory;

pub use self::options::Options;
pub use self::refusal::refuse_all;

/// A running server.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Starts to serve `listeners`, which must be non-blocking. The number of clients is limited by
    /// the descriptors. Needs a running tokio runtime.
    pub fn start(
        listeners: Vec<UnixListener>,
        options: Options,
        context: Arc<Context>,
    ) -> std::io::Result<Server> {
        let shared = Arc::new(Shared {
            context,
            admission: Arc::new(Admission::default()),
            memory: Arc::new(Memory::new(options.max_memory)),
            options: RwLock::new(Arc::new(options.within(descriptor::places()))),
            stage: watch::Sender::new(Stage::Serving),
            handed: Mutex::default(),
            reloaded: Notify::new(),
            refusing: AtomicUsize::new(0),
            leftovers: Places::new(
                Resource::Leftover,
                descriptor::leftovers(),
                descriptor::leftovers() * 3 / 4,
            ),
        });
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            tasks.spawn(accept::accept(listener, Arc::clone(&shared)));
        }
        Ok(Server { shared, tasks })
    }

    /// Resumes connections that the previous daemon gave up. Returns how many could not be resumed;
    /// those are closed.
    pub fn take_over(&mut self, carried: impl IntoIterator<Item = Carried>) -> usize {
        let mut lost = 0;
        for connection in carried {
            if let Err(error) = accept::take_over(connection, &self.shared, &mut self.tasks) {
                tracing::warn!(%error, "a client of the daemon before cannot be taken over");
                lost += 1;
            }
        }
        lost
    }

    /// Ends once no client was connected for [`Options::idle_exit`]; never if that is 0.
    pub async fn idle(&self) {
        loop {
            let limit = self.options().idle_exit;
            let reloaded = self.shared.reloaded.notified();
            let idle = async {
                if limit.is_zero() {
                    std::future::pending::<()>().await;
                }
                loop {
                    let entered = self.shared.admission.empty().await;
                    tokio::time::sleep(limit).await;
                    // A client that came and went meanwhile restarts the time.
                    if self.shared.admission.empty().await == entered && self.refusing() == 0 {
                        return;
                    }
                }
            };
            tokio::select! {
                () = idle => return,
                () = reloaded => {}
            }
        }
    }

    /// Puts new limits in force: for new connections, and for the group of administrators at once.
    pub fn set_options(&self, options: Options) {
        self.shared.context.users.administrators.set_group(options.admin_gid);
        let options = Arc::new(options.within(descriptor::places()));
        *self.shared.options.write().unwrap_or_else(PoisonError::into_inner) = options;
        self.shared.reloaded.notify_waiters();
    }

    /// The limits in force.
    pub fn options(&self) -> Arc<Options> {
        self.shared.options()
    }

    /// Accepts no more connections, answers the complete requests received, and closes. Ends when
    /// that is done, or after the drain time-out; returns the number of connections that were cut
    /// off.
    pub async fn drain(mut self) -> usize {
        self.end(Stage::Draining).await
    }

    /// Accepts no more connections, answers the complete requests received, and gives up the
    /// connections, still open, for the next daemon. Ends when that is done, or after the drain
    /// time-out; also returns the number of connections that were cut off.
    pub async fn hand_over(mut self) -> (Vec<Carried>, usize) {
        let cut_off = self.end(Stage::HandingOver).await;
        let mut handed = self.shared.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let handed = std::mem::take(&mut *handed).into_iter();
        // A client may have been killed by another whose connection ended later.
        let alive = handed.filter(|(client, _)| !client.is_killed()).map(|(_, carried)| carried);
        (alive.collect(), cut_off)
    }

    async fn end(&mut self, stage: Stage) -> usize {
        let limit = self.shared.options().drain_timeout;
        self.shared.stage.send_replace(stage);
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

    /// The number of connections that are being refused.
    pub fn refusing(&self) -> usize {
        self.shared.refusing.load(Ordering::Relaxed)
    }
}
