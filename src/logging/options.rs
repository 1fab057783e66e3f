//! The settings of the log.

use std::path::PathBuf;

use super::filter::Filter;

/// Where logs go and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `KVSOCK_LOG` as written; known to be a [`Filter`].
    pub filter: String,
    /// A directory for daily files beside the journal or standard error.
    pub dir: Option<PathBuf>,
}

/// Level `info`, no files: for a daemon whose settings are not known.
impl Default for Options {
    fn default() -> Options {
        Options { filter: "info".to_owned(), dir: None }
    }
}

impl Options {
    /// Whether `text` is a filter.
    pub fn is_filter(text: &str) -> bool {
        text.parse::<Filter>().is_ok()
    }
}
