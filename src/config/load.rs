//! The start: arguments and environment in, an [`Invocation`] with valid settings out.

use std::ffi::OsString;
use std::path::PathBuf;

use super::effect::InEffect;
use super::fault::Faults;
use super::input::command_line::{self, Mode};
use super::input::environment;
use super::input::given::Given;
use super::parse::read;
use super::settings::{Settings, Warning};
use crate::exit::Exit;

/// A start with valid settings.
#[derive(Debug)]
pub struct Invocation {
    /// The mode.
    pub mode: Mode,
    /// The settings.
    pub settings: Settings,
    /// The settings as texts without secrets; `--check` prints them.
    pub in_effect: InEffect,
    /// The warnings to log.
    pub warnings: Vec<Warning>,
    /// `$RUNTIME_DIRECTORY`, through which a reload passes settings.
    pub runtime_directory: Option<PathBuf>,
    /// `$MAINPID`, in `ExecReload=` only.
    pub main_pid: Option<i32>,
    pub(super) given: Given,
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line is invalid, or asks for help or the version.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The settings are invalid.
    #[error(transparent)]
    Faults(#[from] Faults),
}

impl LoadError {
    /// The exit status.
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
    let mut given = Given::default();
    let mut faults = Faults::default();
    let mut surroundings = environment::read(env, &mut given, &mut faults);
    let mode = command_line::mode(&matches);
    if mode == Mode::Reload {
        // Credentials do not change while the daemon runs, and systemd 252 does not let ExecReload=
        // into their directory.
        surroundings.credentials = None;
    }
    command_line::read_flags(&matches, &mut given);
    let Some((settings, warnings)) = read::read(&given, &surroundings, &mut faults) else {
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
