//! The daemon's settings, parsed and valid.

use std::path::PathBuf;

use crate::command::{Namespace, Scripts};
use crate::{logging, server, store};

/// All settings of the daemon.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The socket to listen on if systemd passed none.
    pub socket: PathBuf,
    /// The store.
    pub store: store::Options,
    /// How keys are assigned to users.
    pub namespace: Namespace,
    /// The serving side.
    pub server: server::Options,
    /// The callers that may run scripts, if keys have no prefix.
    pub scripts: Scripts,
    /// The number of threads that serve.
    pub workers: usize,
    /// Logs.
    pub log: logging::Options,
}

/// A valid setting that is probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Certificates for a store without TLS.
    #[error("certificates are given, but the store {0} does not use TLS")]
    CertificatesUnused(String),
    /// A user name or password for a store that asks for none.
    #[error("a user name or password is given, but the store {0} has no use for it")]
    PasswordUnused(String),
    /// A near cache for a store that is in the daemon itself.
    #[error("KVSOCK_CACHE is set, but the store {0} has no use for it")]
    CacheUnused(String),
}
