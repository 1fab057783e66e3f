//! The life of a daemon that has started: open, ready, reloads, drain, close.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::StartError;
use super::{handover, heartbeat, welcome};
use crate::command::{Administrators, Context, Namespace, Scripts};
use crate::config::{Invocation, reload};
use crate::logging::Logging;
use crate::logging::event;
use crate::server::{Options, Server};
use crate::store::{Health, Location, Store};
use crate::systemd::bind::{Bound, bind};
use crate::systemd::listen::{Activated, is_awaited};
use crate::systemd::notify::Notifier;

/// The longest that closing the store may hold up the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What can be told to a running daemon by a signal.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// Serves the listeners of `activated`, or one of our own, until told to stop.
pub(super) async fn serve(
    invocation: &Invocation,
    activated: &Activated,
    logging: &Arc<Logging>,
    notifier: &Notifier,
) -> Result<(), StartError> {
    let settings = &invocation.settings;
    // Signals are taken before anybody can be told that the daemon is ready.
    let mut signals = Signals::new().map_err(StartError::System)?;
    let (listeners, bound) = open_listeners(invocation, &activated.listeners)?;
    let count = listeners.len();
    let store_url = settings.store.location.to_string();
    leave_lost_directory(&settings.store.location);
    let store = Store::open(settings.store.clone())?;
    let own_uid = rustix::process::geteuid().as_raw();
    let administrators = Administrators::new(own_uid, settings.server.admin_gid);
    let scripts = match settings.scripts {
        Scripts::No => Scripts::No,
        _ if !settings.store.prefix.is_empty() || settings.namespace == Namespace::User => {
            Scripts::Prefixed
        }
        scripts => scripts,
    };
    let context = Context::new(
        store,
        settings.namespace,
        store_url,
        administrators,
        scripts,
        Arc::clone(logging),
    );
    let context = Arc::new(context);
    let mut server = Server::start(listeners, settings.server.clone(), Arc::clone(&context))
        .map_err(StartError::System)?;
    handover::take(&activated.stored, &mut server, &context, notifier);

    notifier.ready(&heartbeat::status(&context, 0));
    tracing::info!(
        message_id = event::READY,
        version = env!("CARGO_PKG_VERSION"),
        store = %context.store_url,
        listeners = count,
        activated = !activated.listeners.is_empty(),
        "kvsockd is ready"
    );
    if bound.is_some() {
        welcome::greet(&settings.socket);
        if !settings.server.idle_exit.is_zero() {
            tracing::warn!("KVSOCK_IDLE_EXIT has no effect: nobody would start the daemon again");
        }
    }
    let may_go_on = loop {
        tokio::select! {
            // A restart looks like a stop from here; "shutdown" is a stop for certain.
            () = signals.handle(invocation, logging, notifier, &server, &context) => {
                break notifier.is_heard();
            }
            () = context.stop.requested() => {
                tracing::info!("stopping: a client asked for it");
                break false;
            }
            () = idle(&server, activated, &context) => {}
            never = heartbeat::beat(notifier, &context) => match never {},
            never = context.users.audit.tell_in_time() => match never {},
        }
        // The decision is made; who comes from here on finds the socket in systemd's hands.
        let (options, connections) = (server.options(), server.hand_over().await.0);
        let (listeners, _) = open_listeners(invocation, &activated.listeners)?;
        server = Server::start(listeners, Options::clone(&options), Arc::clone(&context))
            .map_err(StartError::System)?;
        if connections.is_empty() && !is_awaited(&activated.listeners) {
            tracing::info!(limit = ?options.idle_exit, "stopping: nobody is connected");
            break false;
        }
        server.take_over(connections);
    };

    notifier.stopping(server.options().drain_timeout + CLOSE_LIMIT);
    let end = end(server, may_go_on, &context, notifier);
    tokio::select! {
        cut_off = end => match cut_off {
            0 => {}
            clients => tracing::warn!(message_id = event::CUT_OFF, clients, "clients were cut off"),
        },
        () = signals.stop() => tracing::warn!("told to stop again: not waiting for clients"),
    }
    context.close(CLOSE_LIMIT).await;
    context.users.audit.finish();
    tracing::info!(message_id = event::STOPPED, "kvsockd has stopped");
    drop(bound);
    Ok(())
}

/// Ends the service: the connections are left for the next daemon if they `may_go_on`, and otherwise
/// closed, once what they sent is answered. Gives how many were cut off.
async fn end(
    server: Server,
    may_go_on: bool,
    context: &Arc<Context>,
    notifier: &Notifier,
) -> usize {
    if !may_go_on {
        return server.drain().await;
    }
    let options = Options::clone(&server.options());
    let (connections, cut_off) = server.hand_over().await;
    if !context.stop.is_requested() {
        handover::leave(connections, context, notifier);
        return cut_off;
    }
    // A client has asked for a stop meanwhile, which leaves none of them open.
    let count = connections.len();
    match Server::start(Vec::new(), options, Arc::clone(context)) {
        Ok(mut rest) => {
            rest.take_over(connections);
            cut_off + rest.drain().await
        }
        Err(_) => cut_off + count,
    }
}

/// The embedded store's library wants to know where it is, also where its path does not depend on
/// that; who starts the daemon in a directory that was removed is nowhere.
fn leave_lost_directory(location: &Location) {
    let depends = matches!(location, Location::Embedded(path) if path.is_relative());
    if !depends && std::env::current_dir().is_err() {
        // Where this fails, opening the store tells.
        let _ = std::env::set_current_dir("/");
    }
}

/// Ends when the daemon may end for a while: nobody is connected, systemd starts it again for whoever
/// comes, and the store can take what is still held back for it.
async fn idle(server: &Server, activated: &Activated, context: &Context) {
    if activated.listeners.is_empty() {
        return std::future::pending().await;
    }
    loop {
        server.idle().await;
        if context.store().health() == Health::Up {
            return;
        }
    }
}

/// Descriptors of our own beside `activated`, for the server to keep, or our own socket.
fn open_listeners(
    invocation: &Invocation,
    activated: &[UnixListener],
) -> Result<(Vec<UnixListener>, Option<Bound>), StartError> {
    if activated.is_empty() {
        let (listener, bound) = bind(&invocation.settings.socket)?;
        return Ok((vec![listener], Some(bound)));
    }
    let clones = activated.iter().map(UnixListener::try_clone);
    Ok((clones.collect::<Result<_, _>>().map_err(StartError::System)?, None))
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Ends when told to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Carries out reloads until told to stop.
    async fn handle(
        &mut self,
        invocation: &Invocation,
        logging: &Logging,
        notifier: &Notifier,
        server: &Server,
        context: &Arc<Context>,
    ) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return tracing::info!("stopping: SIGTERM"),
                _ = self.interrupt.recv() => return tracing::info!("stopping: SIGINT"),
                _ = self.hang_up.recv() => {
                    notifier.reloading();
                    take_reload(invocation, logging, server);
                    notifier.ready(&heartbeat::status(context, 0));
                }
            }
        }
    }
}

/// Puts in force what `kvsockd --reload` left for us.
fn take_reload(invocation: &Invocation, logging: &Logging, server: &Server) {
    match reload::take(invocation) {
        Ok(Some(reloaded)) => {
            if let Err(error) = logging.set_filter(&reloaded.log.filter) {
                tracing::error!(%error, "the log filter stays as it was");
            }
            server.set_options(reloaded.server);
            tracing::info!(
                message_id = event::RELOADED,
                filter = %reloaded.log.filter,
                "settings reloaded"
            );
            for setting in &reloaded.needs_restart {
                tracing::warn!(setting = %setting, "changed, and takes effect with a restart");
            }
        }
        Ok(None) => tracing::info!("SIGHUP: no new settings; use systemctl reload"),
        Err(error) => {
            tracing::error!(message_id = event::RELOAD_FAILED, %error, "settings stay as they were");
        }
    }
}
