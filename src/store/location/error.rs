//! Errors in a store URL.

/// The longest path of a Unix socket, without the NUL (`unix(7)`).
pub(super) const SOCKET_PATH: usize = 107;

/// An error in a store URL. The text never repeats the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// No engine has such a scheme.
    #[error(
        "scheme {0:?} is not one of embedded, valkey, valkeys, valkey+unix, valkey-cluster, \
         valkeys-cluster, valkey-sentinel, valkeys-sentinel, redis, rediss, redis+unix, \
         redis-cluster, rediss-cluster, redis-sentinel, rediss-sentinel"
    )]
    Scheme(String),
    /// Not a URL.
    #[error("not a store URL: {0}")]
    Malformed(String),
    /// The database is no number. It may be a part of a password with a slash.
    #[error("the database is not a number from 0 on")]
    Database,
    /// A cluster has one database.
    #[error("a cluster has no database but 0")]
    ClusterDatabase,
    /// The master's name contains characters that sentinels do not allow.
    #[error(
        "the name of the master has other characters than letters, digits, \".\", \"-\" and \"_\""
    )]
    MasterName,
    /// The host contains characters that no name and no address has.
    #[error("the host is neither a name nor an address")]
    Host,
    /// No socket can have such a path.
    #[error("the path of a socket has no NUL, and at most {SOCKET_PATH} bytes")]
    SocketPath,
    /// A required part is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A part has no meaning in this URL.
    #[error("{0} has no meaning here")]
    Surplus(&'static str),
}
