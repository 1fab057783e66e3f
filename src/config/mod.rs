//! Settings: arguments, environment and credentials in, valid [`Settings`] out.
//!
//! Three stages: what was given (`input`), as texts; each text parsed, with every fault kept
//! (`settings`); [`Settings`], which hold only what can work. The [`table`] says which settings
//! there are.

mod command_line;
mod credential;
mod effect;
mod environment;
mod fault;
mod group;
mod input;
pub mod reload;
mod settings;
pub mod table;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::command::{Namespace, Scripts};
use crate::exit::Exit;
use crate::{logging, server, store};

pub use self::command_line::command;
pub use self::effect::InEffect;
pub use self::fault::{Fault, Faults, Origin, Problem, Subject};
pub use self::settings::default_socket;

/// Everything the daemon is told, checked and with units.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen when systemd gave no socket.
    pub socket: PathBuf,
    /// The store.
    pub store: store::Options,
    /// Whether users have keys of their own.
    pub namespace: Namespace,
    /// The serving side.
    pub server: server::Options,
    /// Who may run scripts, when there is no prefix.
    pub scripts: Scripts,
    /// Threads that serve.
    pub workers: usize,
    /// Logs.
    pub log: logging::Options,
}

/// What the daemon is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Serve clients.
    Serve,
    /// Check the settings, print those in effect, and exit (`--check`).
    Check,
    /// Check the settings and the store, print what was found, and exit (`--check=store`).
    CheckStore,
    /// Hand the settings to the running daemon with [`reload::send`], and exit (`--reload`).
    Reload,
}

/// Something that works, and is perhaps not what was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Certificates for a store without TLS.
    #[error("certificates are given, but the store {0} does not use TLS")]
    CertificatesUnused(String),
    /// A user name or password for a store that asks for none.
    #[error("a user name or password is given, but the store {0} has no use for it")]
    PasswordUnused(String),
    /// A near cache for a store that is near already.
    #[error("KVSOCK_CACHE is set, but the store {0} has no use for it")]
    CacheUnused(String),
}

/// A start with valid settings.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub mode: Mode,
    /// With which settings.
    pub settings: Settings,
    /// The same as texts, without the secrets; displayed by `--check`.
    pub in_effect: InEffect,
    /// What to tell in the log.
    pub warnings: Vec<Warning>,
    /// `$RUNTIME_DIRECTORY`, by way of which settings are reloaded.
    pub runtime_directory: Option<PathBuf>,
    /// `$MAINPID`, in `ExecReload=` only.
    pub main_pid: Option<i32>,
    given: input::Given,
}

/// There is nothing to start with.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line does not make sense, or asks for help or the version.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The settings cannot work.
    #[error(transparent)]
    Faults(#[from] Faults),
}

impl LoadError {
    /// The status to exit with.
    pub fn exit(&self) -> Exit {
        match self {
            LoadError::Usage(error) if error.exit_code() == 0 => Exit::Ok,
            LoadError::Usage(_) => Exit::Usage,
            LoadError::Faults(_) => Exit::Config,
        }
    }
}

/// Reads the settings: `args` with the program's name first, as [`std::env::args_os`] gives
/// them, and `env` as [`std::env::vars_os`].
pub fn load(
    args: impl Iterator<Item = OsString>,
    env: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Invocation, LoadError> {
    let matches = command_line::parse(args)?;
    let mut given = input::Given::default();
    let mut faults = Faults::default();
    let mut surroundings = environment::read(env, &mut given, &mut faults);
    let mode = command_line::mode(&matches);
    if mode == Mode::Reload {
        // They are fixed for the life of the daemon, and systemd 252 does not let ExecReload=
        // into the directory.
        surroundings.credentials = None;
    }
    command_line::read_flags(&matches, &mut given);
    let Some((settings, warnings)) = settings::read(&given, &surroundings, &mut faults) else {
        return Err(LoadError::Faults(faults));
    };
    Ok(Invocation {
        mode,
        in_effect: InEffect::new(&given, &settings),
        settings,
        warnings,
        runtime_directory: surroundings.runtime,
        main_pid: surroundings.main_pid,
        given,
    })
}

#[cfg(test)]
mod tests;
