//! Takes connections from a listener.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::admission::Place;
use super::connection::Connection;
use super::peer::peer;
use super::refusal;
use super::shared::Shared;

/// How long accepting rests when the system is short of descriptors or memory.
const REST: Duration = Duration::from_millis(50);
/// A fault that goes on is logged once in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Serves what comes in on `listener` until the daemon drains, then waits for the connections.
pub(super) async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let mut drained = std::pin::pin!(shared.drained());
    let mut connections = JoinSet::new();
    let mut logged: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut drained => break,
            // Ended tasks are let go as they end.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => admit(stream, &shared, &mut connections),
                Err(error) => {
                    if logged.is_none_or(|at| at.elapsed() > LOG_INTERVAL) {
                        tracing::error!(%error, "connections cannot be taken");
                        logged = Some(Instant::now());
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
    // The socket stays systemd's: who connects from now on waits there for the next daemon.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn admit(stream: UnixStream, shared: &Arc<Shared>, connections: &mut JoinSet<()>) {
    let caller = match peer(&stream) {
        Ok(caller) => caller,
        Err(error) => {
            tracing::warn!(%error, "a peer's credentials cannot be read");
            return;
        }
    };
    let context = &shared.context;
    let administrator = context.administrators.include(&caller);
    let Some(place) = Place::take(&shared.admission, &shared.options(), caller.uid, administrator)
    else {
        context.counters.refused.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(uid = caller.uid, pid = caller.pid, "too many clients");
        refusal::refuse(stream, shared, connections);
        return;
    };
    context.counters.connections.fetch_add(1, Ordering::Relaxed);
    context.counters.clients.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(uid = caller.uid, pid = caller.pid, "client connected");
    let shared = Arc::clone(shared);
    connections.spawn(async move {
        let ended = Connection::new(stream, caller, &shared).serve().await;
        shared.context.counters.clients.fetch_sub(1, Ordering::Relaxed);
        drop(place);
        log_end(ended);
    });
}

/// The one place where a connection's error is logged. That a peer went away is no fault.
fn log_end(ended: io::Result<()>) {
    if let Err(error) = ended {
        match error.kind() {
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::TimedOut => {
                tracing::trace!(%error, "client gone");
            }
            _ => tracing::warn!(%error, "client connection failed"),
        }
    }
}
