//! Settings: arguments, environment and credentials in, valid [`Settings`] out.

use std::path::PathBuf;

use crate::{logging, server, store};

/// Everything the daemon is told, checked and with units.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen when systemd gave no socket.
    pub socket: PathBuf,
    /// The store.
    pub store: store::Options,
    /// The serving side.
    pub server: server::Options,
    /// Logs.
    pub log: logging::Options,
}
