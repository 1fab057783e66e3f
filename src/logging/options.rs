//! The settings of the log.

use std::path::PathBuf;

use super::filter::Filter;

/// The destination and the filter of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `KVSOCK_LOG` as written, which is a valid [`Filter`].
    pub filter: String,
    /// A directory for daily files, in addition to the journal or standard error.
    pub dir: Option<PathBuf>,
}

/// Level `info` and no files, for a daemon whose settings are not known yet.
impl Default for Options {
    fn default() -> Options {
        Options { filter: "info".to_owned(), dir: None }
    }
}

impl Options {
    /// Whether `text` is a valid filter.
    pub fn is_filter(text: &str) -> bool {
        text.parse::<Filter>().is_ok()
    }
}
