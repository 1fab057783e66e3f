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
    let address = address(&listener);
    let mut logged: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut drained => break,
            // Ended tasks are let go as they end.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => admit(stream, &address, &shared, &mut connections),
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

/// The path of the listener's socket, as CLIENT LIST shows it.
fn address(listener: &UnixListener) -> Arc<str> {
    let address = listener.local_addr().ok();
    let path = address.as_ref().and_then(|address| address.as_pathname());
    path.map_or("unnamed".into(), |path| path.display().to_string().into())
}

fn admit(
    stream: UnixStream,
    address: &Arc<str>,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
) {
    let caller = match peer(&stream) {
        Ok(caller) => caller,
        Err(error) => {
            tracing::warn!(%error, "a peer's credentials cannot be read");
            return;
        }
    };
    let context = &shared.context;
    let administrator = context.administrators.include(&caller);
    let options = shared.options();
    let place = match Place::take(&shared.admission, &options, caller.uid, administrator) {
        Ok(place) => place,
        Err(full) => {
            context.counters.refused.fetch_add(1, Ordering::Relaxed);
            context.audit.refuses_connection(&caller, full);
            refusal::refuse(stream, shared, connections);
            return;
        }
    };
    context.counters.connections.fetch_add(1, Ordering::Relaxed);
    context.counters.clients.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(uid = caller.uid, pid = caller.pid, "client connected");
    let shared = Arc::clone(shared);
    let address = Arc::clone(address);
    connections.spawn(async move {
        let ended = Connection::new(stream, caller, address, &shared).serve().await;
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
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::TimedOut => {
                tracing::trace!(%error, "client gone");
            }
            _ => tracing::warn!(%error, "client connection failed"),
        }
    }
}
