//! `systemctl reload`: fresh settings for a running daemon, whose own environment is fixed.
//!
//! `ExecReload=` runs `kvsockd --reload`, which systemd gives the environment of now. It has read
//! and checked all settings when it comes to [`send`], leaves those that are no secret in the
//! runtime directory, and sends SIGHUP. The daemon [`take`]s them there.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::fault::{Faults, Origin};
use super::input::Given;
use super::settings::{self, Reader};
use super::{Invocation, table};
use crate::{logging, server};

const FILE: &str = "reload.json";
const UNFINISHED: &str = "reload.json.new";
const TAKEN: &str = "reload.json.taken";

/// What a reload brings to the running daemon.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// Logs; the filter may be new.
    pub log: logging::Options,
    /// The serving side; what can change may be new, the rest is as before.
    pub server: server::Options,
    /// The variables that have changed and that only a restart brings into effect.
    pub needs_restart: Vec<String>,
}

/// A reload that did not come about. The daemon goes on as before.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Not run by systemd, or the unit has no `RuntimeDirectory=`.
    #[error("RUNTIME_DIRECTORY is not set; --reload is for ExecReload= of a unit that has one")]
    NoRuntimeDirectory,
    /// Not run by `ExecReload=`.
    #[error("MAINPID is not a process; --reload is for ExecReload=")]
    NoMainPid,
    /// The settings could not be handed over.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What lies there was not written by `--reload`.
    #[error("{path} is not what --reload writes: {source}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What does not read.
        source: serde_json::Error,
    },
    /// The daemon could not be told.
    #[error("process {pid}: {source}")]
    Signal {
        /// The daemon.
        pid: i32,
        /// What the system said.
        source: io::Error,
    },
    /// The settings do not make sense in the daemon, though they did to `--reload`.
    #[error(transparent)]
    Faults(#[from] Faults),
}

/// Hands the settings of `fresh` to the daemon and tells it to take them.
pub fn send(fresh: &Invocation) -> Result<(), ReloadError> {
    let directory = fresh.runtime_directory.as_deref().ok_or(ReloadError::NoRuntimeDirectory)?;
    let pid = fresh.main_pid.ok_or(ReloadError::NoMainPid)?;
    // Only a single process will do: 0 and below stand for groups of them.
    let daemon =
        Some(pid).filter(|pid| *pid > 1).and_then(Pid::from_raw).ok_or(ReloadError::NoMainPid)?;
    write(directory, fresh)?;
    kill_process(daemon, Signal::HUP)
        .map_err(|errno| ReloadError::Signal { pid, source: errno.into() })
}

/// Writes under another name first, so that the daemon never sees half of it.
fn write(directory: &Path, fresh: &Invocation) -> Result<(), ReloadError> {
    let path = directory.join(UNFINISHED);
    let settings: BTreeMap<_, _> = fresh.in_effect.iter().collect();
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(&serde_json::to_vec(&settings)?)?;
        fs::rename(&path, directory.join(FILE))
    };
    write().map_err(|source: io::Error| ReloadError::File { path: path.clone(), source })
}

/// Takes what [`send`] left for the daemon that was started with `running`; None if there is
/// nothing. What is taken is gone, so that a later SIGHUP does not bring it back.
pub fn take(running: &Invocation) -> Result<Option<Reloaded>, ReloadError> {
    let Some(directory) = running.runtime_directory.as_deref() else { return Ok(None) };
    let path = directory.join(TAKEN);
    let read = || -> io::Result<Vec<u8>> {
        fs::rename(directory.join(FILE), &path)?;
        let text = fs::read(&path)?;
        fs::remove_file(&path)?;
        Ok(text)
    };
    match read() {
        Ok(text) => {
            let fresh = serde_json::from_slice(&text)
                .map_err(|source| ReloadError::Malformed { path, source })?;
            apply(running, &fresh).map(Some)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReloadError::File { path, source }),
    }
}

fn apply(running: &Invocation, fresh: &BTreeMap<String, String>) -> Result<Reloaded, ReloadError> {
    let mut given = Given::default();
    for (name, text) in running.in_effect.iter() {
        let changed = fresh.get(name).filter(|_| is_reloadable(name));
        given.set(name, changed.map_or(text, String::as_str).to_owned(), Origin::Variable);
    }
    // The daemon's flags override its environment, the new one too.
    for (name, text) in running.given.flags() {
        given.set(name, text.to_owned(), Origin::Flag);
    }
    let mut faults = Faults::default();
    let mut reader = Reader::new(&given, &mut faults);
    let inputs = given.inputs();
    let server = settings::server(&mut reader, &inputs);
    let log = settings::log(&mut reader, &inputs);
    match (server, log) {
        (Some(server), Some(log)) if faults.is_empty() => {
            let needs_restart = running.in_effect.needing_restart(fresh);
            Ok(Reloaded { log, server, needs_restart })
        }
        _ => Err(ReloadError::Faults(faults)),
    }
}

fn is_reloadable(name: &str) -> bool {
    table::find(name).is_some_and(|setting| setting.reloadable)
}
