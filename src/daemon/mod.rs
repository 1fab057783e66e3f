//! The daemon: the only place that joins the parts. [`run`] reads as the order of its start.

mod allocator;
mod check;
mod descriptor;
mod failure;
mod handover;
mod heartbeat;
mod log;
mod serve;
mod welcome;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::runtime::{Builder, Runtime};

use self::failure::StartError;
use self::log::FAREWELL;
use crate::config::{self, Invocation, LoadError, Mode, reload};
use crate::exit::Exit;
use crate::logging::{self, Logging};
use crate::systemd::listen::{self, Activated};
use crate::systemd::notify::Notifier;

/// Runs the daemon until it is told to stop. `args` begins with the program's name; `env` is the
/// whole environment.
pub fn run(
    args: impl Iterator<Item = OsString>,
    env: impl Iterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let started = Instant::now();
    close_memory();
    allocator::give_large_buffers_back();
    // Whatever the daemon makes, data, logs or socket, is its own user's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // First, for it changes the environment, which is safe as long as there are no threads.
    let activated = listen::activated();
    match config::load(args, env) {
        Ok(invocation) => match invocation.mode {
            Mode::Serve => serve(&invocation, activated, started),
            Mode::Check => check::settings(&invocation),
            Mode::CheckStore => check::store(&invocation),
            Mode::Reload => send_reload(&invocation),
        },
        Err(LoadError::Usage(error)) => {
            let _ = error.print();
            failure::status(LoadError::Usage(error).exit(), &activated)
        }
        Err(LoadError::Faults(faults)) => failure::end_misconfigured(&faults, &activated, started),
    }
    .into()
}

/// Memory and environment hold values and secrets: from now on there is no core dump of them, and
/// only root reads them in `/proc`, where a process may otherwise look into all of its own user's,
/// as one instance of the service into another. What this process asks of itself it still gets.
fn close_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        eprintln!("kvsockd: warning: core dumps cannot be switched off: {error}");
    }
}

fn send_reload(invocation: &Invocation) -> Exit {
    match reload::send(invocation) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            eprintln!("kvsockd: {error}");
            Exit::Unavailable
        }
    }
}

fn serve(invocation: &Invocation, mut activated: Activated, started: Instant) -> Exit {
    let descriptors = descriptor::provide(invocation.settings.server.max_clients);
    let logging = match log::start(&invocation.settings.log) {
        Ok(logging) => logging,
        Err(error) => {
            let logging = log::start(&logging::Options::default()).ok();
            return failure::end(&StartError::Log(error), &activated, started, logging);
        }
    };
    descriptors.warn();
    let served = match activated.fault.take() {
        Some(fault) => Err(fault.into()),
        None => try_serve(invocation, &activated, &logging),
    };
    match served {
        Ok(()) => {
            logging.finish(FAREWELL);
            Exit::Ok
        }
        Err(error) => failure::end(&error, &activated, started, Some(logging)),
    }
}

fn try_serve(
    invocation: &Invocation,
    activated: &Activated,
    logging: &Arc<Logging>,
) -> Result<(), StartError> {
    for warning in &invocation.warnings {
        tracing::warn!("{warning}");
    }
    for name in &activated.closed {
        tracing::warn!(name, "a descriptor that is no listener was closed");
    }
    let notifier = Notifier::from_env().map_err(StartError::System)?;
    let runtime = runtime(invocation.settings.workers).map_err(StartError::System)?;
    let served = runtime.block_on(serve::serve(invocation, activated, logging, &notifier));
    runtime.shutdown_timeout(FAREWELL);
    if let Err(error) = &served {
        notifier.failed(error.errno(), &error.to_string());
    }
    notifier.finish(FAREWELL);
    served
}

/// What serves: this thread alone, which then has nobody to wait for, or so many others.
fn runtime(workers: usize) -> io::Result<Runtime> {
    let mut builder = match workers {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(workers).thread_name("serve").enable_all().build()
}
