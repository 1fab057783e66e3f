//! Where the daemon listens, when nobody says.

use std::path::{Path, PathBuf};

use crate::config::default_socket;

/// Where systemd listens for the packaged service.
const SYSTEM: &str = "/run/kvsock/kvsock.sock";

/// `KVSOCK_SOCKET`; else the system's socket, if there is one; else where a daemon started by
/// hand listens.
pub(super) fn daemon_socket() -> PathBuf {
    if let Some(path) = std::env::var_os("KVSOCK_SOCKET").filter(|path| !path.is_empty()) {
        return path.into();
    }
    let system = Path::new(SYSTEM);
    if system.exists() {
        return system.to_owned();
    }
    let user_runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    default_socket(user_runtime.filter(|path| path.is_absolute()).as_deref())
}
