//! Where the daemon listens, when nobody says.

use std::path::{Path, PathBuf};

/// Where systemd listens for the packaged service.
const SYSTEM: &str = "/run/kvsock/kvsock.sock";

/// `KVSOCK_SOCKET`; else the system's socket, if there is one; else where a daemon started by
/// hand listens.
pub(super) fn default_socket() -> PathBuf {
    if let Some(path) = std::env::var_os("KVSOCK_SOCKET").filter(|path| !path.is_empty()) {
        return path.into();
    }
    let system = Path::new(SYSTEM);
    if system.exists() { system.to_owned() } else { crate::config::default_socket() }
}
