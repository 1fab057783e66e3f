//! `systemctl reload`: new settings for a running daemon, whose own environment cannot change.
//!
//! `ExecReload=` runs `kvsockd --reload` in the current environment. That process reads and checks
//! all settings. [`send`] then writes all settings that are no secrets into the runtime directory,
//! and sends SIGHUP. The daemon reads them there with [`take`].

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::fault::{Faults, Origin};
use super::input::given::Given;
use super::load::Invocation;
use super::parse::read::{self, Reader};
use super::table::{self, Setting};
use crate::{logging, server};

const FILE: &str = "reload.json";
const UNFINISHED: &str = "reload.json.new";
const TAKEN: &str = "reload.json.taken";

/// The result of a reload in the running daemon.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// The log's options, possibly with a new filter.
    pub log: logging::Options,
    /// The serving side's options: reloadable ones may be new, the others are unchanged.
    pub server: server::Options,
    /// The changed variables that take effect only after a restart.
    pub needs_restart: Vec<String>,
}

/// Why a reload failed. The daemon's settings stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The process was not run by systemd, or the unit has no `RuntimeDirectory=`.
    #[error("RUNTIME_DIRECTORY is not set; --reload is for ExecReload= of a unit that has one")]
    NoRuntimeDirectory,
    /// The process was not run by `ExecReload=`.
    #[error("MAINPID is not a process; --reload is for ExecReload=")]
    NoMainPid,
    /// The settings could not be written or read.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// `--reload` did not write this file.
    #[error("{path} is not what --reload writes: {source}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: serde_json::Error,
    },
    /// The daemon could not be signalled.
    #[error("process {pid}: {source}")]
    Signal {
        /// The daemon.
        pid: i32,
        /// The system's error.
        source: io::Error,
    },
    /// The settings are invalid in the daemon, although `--reload` accepted them.
    #[error(transparent)]
    Faults(#[from] Faults),
}

/// Passes the settings of `fresh` to the daemon and signals it.
pub fn send(fresh: &Invocation) -> Result<(), ReloadError> {
    let directory = fresh.runtime_directory.as_deref().ok_or(ReloadError::NoRuntimeDirectory)?;
    let pid = fresh.main_pid.ok_or(ReloadError::NoMainPid)?;
    // The signal must go to a single process: 0 and negative numbers stand for groups.
    let daemon =
        Some(pid).filter(|pid| *pid > 1).and_then(Pid::from_raw).ok_or(ReloadError::NoMainPid)?;
    write(directory, fresh)?;
    kill_process(daemon, Signal::HUP)
        .map_err(|errno| ReloadError::Signal { pid, source: errno.into() })
}

/// Writes under another name first, so that the daemon never reads a partial file.
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

/// Takes the settings that [`send`] left for the daemon started with `running`; `None` if there are
/// none. The file is removed, so that a later SIGHUP does not apply it again.
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
    // The daemon's flags override the new environment too.
    for (name, text) in running.given.flags() {
        given.set(name, text.to_owned(), Origin::Flag);
    }
    let mut faults = Faults::default();
    let mut reader = Reader::new(&given, &mut faults);
    let inputs = given.inputs();
    let server = read::server(&mut reader, &inputs);
    let log = read::log(&mut reader, &inputs);
    match (server, log) {
        (Some(server), Some(log)) if faults.is_empty() => {
            let needs_restart = needing_restart(running, fresh);
            Ok(Reloaded { log, server, needs_restart })
        }
        _ => Err(ReloadError::Faults(faults)),
    }
}

/// A setting that is given as a flag does not change with the environment, even at a restart.
fn needing_restart(running: &Invocation, fresh: &BTreeMap<String, String>) -> Vec<String> {
    let changed = |setting: &&Setting| {
        let new = fresh.get(setting.name).map(String::as_str);
        new.is_some() && new != running.in_effect.get(setting.name)
    };
    table::SETTINGS
        .iter()
        .filter(|setting| !setting.reloadable && !setting.secret)
        .filter(|setting| running.given.origin(setting.name) != Origin::Flag)
        .filter(changed)
        .map(Setting::variable)
        .collect()
}

fn is_reloadable(name: &str) -> bool {
    table::find(name).is_some_and(|setting| setting.reloadable)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;
    use crate::config::load;

    fn invocation(directory: &Path, flags: &[&str], settings: &[(&str, &str)]) -> Invocation {
        let args = ["kvsockd"].iter().chain(flags).map(OsString::from);
        let env = settings
            .iter()
            .map(|(name, text)| (OsString::from(name), OsString::from(text)))
            .chain([
                ("RUNTIME_DIRECTORY".into(), directory.into()),
                ("HOME".into(), "/home/someone".into()),
            ]);
        load(args, env).expect("valid settings")
    }

    #[test]
    fn what_can_change_changes_and_the_rest_is_named() {
        let home = tempfile::tempdir().expect("a directory");
        let running = invocation(
            home.path(),
            &["--drain-timeout=3s", "--sync=no"],
            &[("KVSOCK_MAX_CLIENTS", "5"), ("KVSOCK_ADMIN_GROUP", "0")],
        );
        let fresh = invocation(
            home.path(),
            &[],
            &[
                ("KVSOCK_LOG", "debug"),
                ("KVSOCK_DRAIN_TIMEOUT", "9s"),
                ("KVSOCK_MAX_CLIENTS_PER_USER", "7"),
                ("KVSOCK_MAX_REQUEST", "2KiB"),
                ("KVSOCK_STORE", "valkey://:hunter2@h"),
                ("KVSOCK_STORE_PASSWORD", "hunter2"),
            ],
        );
        write(home.path(), &fresh).expect("handed over");
        let text = fs::read_to_string(home.path().join(FILE)).expect("the file");
        assert!(!text.contains("hunter2"), "{text}");

        let reloaded = take(&running).expect("readable").expect("something");
        assert_eq!(reloaded.log.filter, "debug");
        let expected = server::Options {
            max_clients: 10_000,
            max_clients_per_user: 7,
            admin_gid: None,
            ..running.settings.server.clone()
        };
        assert_eq!(reloaded.server, expected);
        assert_eq!(reloaded.needs_restart, ["KVSOCK_STORE", "KVSOCK_MAX_REQUEST"]);
        assert!(take(&running).expect("readable").is_none(), "it was taken");
    }

    #[test]
    fn the_daemon_is_told_by_sighup() {
        let home = tempfile::tempdir().expect("a directory");
        let mut daemon = Command::new("sleep").arg("60").spawn().expect("a process");
        let pid = daemon.id().to_string();
        let fresh = invocation(home.path(), &["--reload"], &[("MAINPID", &pid)]);
        send(&fresh).expect("sent");
        let status = daemon.wait().expect("its end");
        assert_eq!(status.signal(), Some(Signal::HUP.as_raw()));
        let mode = home.path().join(FILE).metadata().expect("the settings").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_taken_away() {
        let home = tempfile::tempdir().expect("a directory");
        let running = invocation(home.path(), &[], &[]);
        fs::write(home.path().join(FILE), "KVSOCK_LOG=debug").expect("a file");
        assert!(matches!(take(&running), Err(ReloadError::Malformed { .. })));
        assert!(take(&running).expect("nothing").is_none());
    }

    #[test]
    fn reloading_is_for_systemd_only() {
        let home = tempfile::tempdir().expect("a directory");
        for pid in ["", "0", "-1", "1", "one"] {
            let fresh = invocation(home.path(), &["--reload"], &[("MAINPID", pid)]);
            assert!(matches!(send(&fresh), Err(ReloadError::NoMainPid)), "{pid}");
        }
    }
}
