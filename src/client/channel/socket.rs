//! The daemon's socket: its default path, and the group that may connect.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group};

use crate::config::default_socket;

/// The socket of the packaged service.
const SYSTEM: &str = "/run/kvsock/kvsock.sock";

/// The path of the daemon's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DaemonSocket {
    path: PathBuf,
    /// Whether the path is a default.
    is_guess: bool,
}

impl DaemonSocket {
    /// The socket `named`; otherwise `KVSOCK_SOCKET`; otherwise the system's socket if it exists;
    /// otherwise the socket of a daemon started by hand.
    pub(crate) fn find(named: Option<PathBuf>) -> DaemonSocket {
        let from_variable = || {
            let path = std::env::var_os("KVSOCK_SOCKET").filter(|path| !path.is_empty());
            path.map(PathBuf::from)
        };
        match named.or_else(from_variable) {
            Some(path) => DaemonSocket { path, is_guess: false },
            None => DaemonSocket { path: guess(), is_guess: true },
        }
    }

    /// The path of the socket.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path is a default.
    pub(crate) fn is_guess(&self) -> bool {
        self.is_guess
    }
}

fn guess() -> PathBuf {
    let system = Path::new(SYSTEM);
    if system.exists() {
        return system.to_owned();
    }
    let user_runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    default_socket(user_runtime.filter(|path| path.is_absolute()).as_deref())
}

/// The group whose members may connect, if the socket's mode grants that.
pub(crate) fn group_of(socket: &Path) -> Option<String> {
    let metadata = fs::metadata(socket).ok().filter(|metadata| metadata.mode() & 0o020 != 0)?;
    let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten()?;
    Some(group.name)
}
