//! A start that failed: who is told, and how the process ends.

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::config::Faults;
use crate::exit::Exit;
use crate::logging::event;
use crate::logging::{self, LogError, Logging, Sink};
use crate::server;
use crate::store::OpenError;
use crate::systemd::listen::{Activated, ListenError, is_awaited};

use super::log::{self, FAREWELL};

/// The shortest life of a daemon that systemd started through its socket: it would be started
/// again at once, for the clients that wait there.
const MIN_LIFE: Duration = Duration::from_secs(1);

/// Why the daemon does not start. Ends the process.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// There is nothing to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is nowhere to log to.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The system lacks what every process needs.
    #[error("system: {0}")]
    System(io::Error),
}

impl StartError {
    fn exit(&self) -> Exit {
        match self {
            StartError::Listen(ListenError::Kind { .. } | ListenError::Occupied(_))
            | StartError::Store(OpenError::Config(_)) => Exit::Config,
            StartError::Listen(ListenError::InUse(_))
            | StartError::Store(OpenError::Locked { .. })
            | StartError::System(_) => Exit::Unavailable,
            StartError::Listen(ListenError::Io { .. })
            | StartError::Log(_)
            | StartError::Store(OpenError::Damaged { .. } | OpenError::Io { .. }) => Exit::Io,
        }
    }

    /// The nearest that errno(3) has, for `ERRNO=`.
    pub(super) fn errno(&self) -> i32 {
        let errno = match self.exit() {
            Exit::Config | Exit::Usage => Errno::INVAL,
            Exit::Unavailable | Exit::TemporaryFailure => Errno::BUSY,
            Exit::NoPermission => Errno::ACCESS,
            Exit::Io | Exit::Ok => Errno::IO,
        };
        errno.raw_os_error()
    }
}

/// Logs `error`, answers the clients that wait on systemd's listeners, and gives the status to exit
/// with, no sooner than a second after `started` where there are such listeners.
pub(super) fn end(
    error: &StartError,
    activated: &Activated,
    started: Instant,
    logging: Option<Arc<Logging>>,
) -> Exit {
    tracing::error!(message_id = event::START_FAILED, "{error}");
    let exit = error.exit();
    if matches!(error, StartError::Listen(ListenError::Kind { .. })) {
        // What systemd listens on cannot be answered, and is as ready as before.
        std::thread::sleep(MIN_LIFE.saturating_sub(started.elapsed()));
    }
    answer(&activated.listeners, exit, started);
    let status = status(exit, activated);
    if let Some(logging) = logging {
        logging.finish(FAREWELL);
    }
    status
}

/// The same for settings that cannot work, whose faults are named one by one.
pub(super) fn end_misconfigured(faults: &Faults, activated: &Activated, started: Instant) -> Exit {
    // Somebody at a terminal reads them as they are; the journal gets an entry for each.
    let logging = match log::sink() {
        Sink::Stderr => None,
        Sink::Journal => log::start(&logging::Options::default()).ok(),
    };
    for fault in faults.iter() {
        match &logging {
            Some(_) => tracing::error!(message_id = event::MISCONFIGURED, "{fault}"),
            None => eprintln!("kvsockd: {fault}"),
        }
    }
    answer(&activated.listeners, Exit::Config, started);
    let status = status(Exit::Config, activated);
    if let Some(logging) = logging {
        logging.finish(FAREWELL);
    }
    status
}

/// The status to exit with when it would be `exit`. The clients of the daemon before are still with
/// systemd, untouched; it keeps them as long as it tries again, which it does not after a fault of
/// the settings.
pub(super) fn status(exit: Exit, activated: &Activated) -> Exit {
    match exit {
        Exit::Usage | Exit::Config if is_awaited(&activated.stored) => {
            tracing::warn!("clients of the daemon before stay connected until it can start");
            Exit::TemporaryFailure
        }
        exit => exit,
    }
}

fn answer(listeners: &[UnixListener], exit: Exit, started: Instant) {
    if listeners.is_empty() {
        return;
    }
    let line = match exit {
        Exit::Config => "ERROR: kvsock is misconfigured; see the journal\n",
        _ => "ERROR: kvsock cannot start; see the journal\n",
    };
    server::refuse_all(listeners, line, MIN_LIFE.saturating_sub(started.elapsed()));
}
