//! The state of a store: whether it answers, and why it cannot be opened.

/// Whether the store answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The store answers.
    Up,
    /// The store does not answer. The text is the cause, and contains no secret.
    Down(String),
}

/// The extent of the near cache, and its hits and misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearCache {
    /// Reads that were answered from the cache.
    pub hits: u64,
    /// Reads that were sent to the server.
    pub misses: u64,
    /// The number of cached keys.
    pub keys: usize,
    /// The bytes that the keys and values take.
    pub bytes: u64,
}

/// The store cannot be opened. A server that is away is no such error.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot work, for example because a certificate cannot be parsed.
    #[error("{0}")]
    Config(String),
    /// Another process has the embedded store open.
    #[error("embedded store {path} is in use by another process")]
    Locked {
        /// The directory.
        path: String,
    },
    /// The embedded store's files are corrupt.
    #[error("embedded store {path} is damaged: {why}")]
    Damaged {
        /// The directory.
        path: String,
        /// The cause that the engine gave.
        why: String,
    },
    /// The directory cannot be created, read or written.
    #[error("embedded store {path}: {source}")]
    Io {
        /// The directory.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
}
