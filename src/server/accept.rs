//! Accepts connections of a listener, and serves each in a task of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::admission::Place;
use super::connection::carry;
use super::connection::state::{Connection, End};
use super::peer::peer;
use super::presence::Presence;
use super::refusal;
use super::shared::Shared;
use super::standing::Standing;
use crate::command::Caller;
use crate::handover::{Carried, Record};

/// The pause in accepting when the system lacks descriptors or memory.
const REST: Duration = Duration::from_millis(50);
/// A persistent fault is logged once in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Serves the connections of `listener` until the daemon stops, then waits for them to end.
pub(super) async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let mut stopping = std::pin::pin!(shared.stopping());
    let mut connections = JoinSet::new();
    let address = address(&listener);
    let mut logged: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = &mut stopping => break,
            // Results of ended tasks are dropped.
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
    // The socket stays open at systemd: a client that connects from now on waits there for the next
    // daemon.
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
    let administrator = context.users.administrators.include(&caller);
    let options = shared.options();
    let account = context.accounts.of(caller.uid);
    let place = match Place::take(&shared.admission, &options, account, administrator) {
        Ok(place) => place,
        Err(full) => {
            context.counters.refused.fetch_add(1, Ordering::Relaxed);
            context.users.audit.refuses_connection(&caller, full);
            refusal::refuse(stream, shared, connections);
            return;
        }
    };
    context.counters.connections.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(uid = caller.uid, pid = caller.pid, "client connected");
    serve((stream, caller, Arc::clone(address)), None, place, shared, connections);
}

/// Resumes a connection that the previous daemon gave up.
pub(super) fn take_over(
    carried: Carried,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
) -> io::Result<()> {
    let Carried { socket, record } = carried;
    let accepted = carry::admit(socket)?;
    let account = shared.context.accounts.of(accepted.1.uid);
    let place = Place::keep(&shared.admission, account);
    serve(accepted, Some(Box::new(record)), place, shared, connections);
    Ok(())
}

/// Serves a connection in a task of its own, from the state in its `record`, if any.
fn serve(
    (stream, caller, address): (UnixStream, Caller, Arc<str>),
    record: Option<Box<Record>>,
    place: Place,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
) {
    let shared = Arc::clone(shared);
    connections.spawn(async move {
        let mut connection = match record {
            None => Connection::new(stream, caller, address, &shared),
            Some(record) => Connection::resume(stream, caller, address, *record, &shared),
        };
        let client = connection.session.client();
        connection.standing = Standing::Present(Presence::new(&shared.context, client, place));
        let ended = match connection.serve().await {
            Ok(End::GivenUp) => {
                let client = Arc::clone(connection.session.client());
                connection.carry().map(|carried| shared.hand_over(client, carried))
            }
            ended => {
                drop(connection);
                ended.map(|_| ())
            }
        };
        log_end(ended);
    });
}

/// The only place that logs a connection's error. A peer that went away is no error.
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
