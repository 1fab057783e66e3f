//! Logs.

use std::path::PathBuf;

use tracing_subscriber::filter::EnvFilter;

/// Where logs go and how much of them.
#[derive(Debug, Clone)]
pub struct Options {
    /// `KVSOCK_LOG` as written: a level, or a filter in the form of `tracing`'s `EnvFilter`;
    /// known to parse.
    pub filter: String,
    /// A directory for rolling files beside the journal or standard error.
    pub dir: Option<PathBuf>,
}

impl Options {
    /// Whether `text` is a filter.
    pub fn is_filter(text: &str) -> bool {
        EnvFilter::builder().parse(text).is_ok()
    }
}
