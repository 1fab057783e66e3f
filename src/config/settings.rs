//! The daemon's settings, with units; they hold only what can work.

use std::path::PathBuf;

use crate::command::{Namespace, Scripts};
use crate::{logging, server, store};

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
