//! How a store is: whether it answers, and why it cannot be opened.

/// Whether the store answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Up,
    /// It does not, and why; without a password or the like.
    Down(String),
}

/// What the near cache holds, and how often values were found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearCache {
    /// Values that were found.
    pub hits: u64,
    /// Values that the server was asked for.
    pub misses: u64,
    /// Keys of which something is known.
    pub keys: usize,
    /// Bytes that this takes.
    pub bytes: u64,
}

/// The store cannot be opened at all (as opposed to being away just now).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot work, whatever the store does: a certificate that is none, say.
    #[error("{0}")]
    Config(String),
    /// Another process has the embedded store open.
    #[error("embedded store {path} is in use by another process")]
    Locked {
        /// The directory.
        path: String,
    },
    /// The embedded store's files do not make sense.
    #[error("embedded store {path} is damaged: {why}")]
    Damaged {
        /// The directory.
        path: String,
        /// What the engine found.
        why: String,
    },
    /// The directory cannot be made, read or written.
    #[error("embedded store {path}: {source}")]
    Io {
        /// The directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}
