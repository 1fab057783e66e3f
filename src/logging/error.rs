//! Why logging cannot start.

use std::io;
use std::path::PathBuf;

use super::filter::FilterError;

/// Logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is none.
    #[error("log filter: {0}")]
    Filter(#[from] FilterError),
    /// The directory for files cannot be made or written.
    #[error("log directory {path}: {source}", path = .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("log thread: {0}")]
    Thread(io::Error),
    /// The process logs already.
    #[error("logging was started before")]
    Started,
}
