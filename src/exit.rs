//! How the programs end: exit statuses from `sysexits.h`, which systemd shows by name.

use std::process::ExitCode;

/// An exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// The command line does not make sense (`EX_USAGE`).
    Usage = 64,
    /// Something that is needed is not there, or in use (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// Reading or writing failed (`EX_IOERR`).
    Io = 74,
    /// The settings cannot work, and clients of the daemon before wait until they do
    /// (`EX_TEMPFAIL`).
    TemporaryFailure = 75,
    /// The store refuses the user, or a command that is needed (`EX_NOPERM`).
    NoPermission = 77,
    /// The settings cannot work (`EX_CONFIG`).
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
