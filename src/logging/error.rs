//! The errors that prevent the start of logging.

use std::io;
use std::path::PathBuf;

use super::filter::FilterError;

/// Logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is invalid.
    #[error("log filter: {0}")]
    Filter(#[from] FilterError),
    /// The directory for files cannot be created or written.
    #[error("log directory {path}: {source}", path = .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system cannot create a thread.
    #[error("log thread: {0}")]
    Thread(io::Error),
    /// The process has a log already.
    #[error("logging was started before")]
    Started,
}
