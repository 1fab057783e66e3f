//! What logs are written to: the journal, standard error, files. Used by the log thread only.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::entry::{CaptureTime, Telling, WithoutId};
use super::error::LogError;
use super::journal::Journal;

/// How many daily files are kept.
const FILES: usize = 14;

/// Where logs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The systemd journal, with structured fields.
    Journal,
    /// Standard error, as lines for people.
    Stderr,
}

impl Sink {
    /// The journal if standard error is connected to it; `journal_stream` is `$JOURNAL_STREAM`,
    /// by which systemd says what that connection is (`systemd.exec(5)`).
    pub fn detect(journal_stream: Option<&OsStr>) -> Sink {
        let Ok(stderr) = rustix::fs::fstat(io::stderr()) else { return Sink::Stderr };
        let connection = format!("{}:{}", stderr.st_dev, stderr.st_ino);
        if journal_stream == Some(OsStr::new(&connection)) { Sink::Journal } else { Sink::Stderr }
    }
}

/// Opens the daily files in `directory`, which is made, for the owner only, if it is missing.
pub(super) fn files(directory: &Path) -> Result<RollingFileAppender, LogError> {
    let failed = |source| LogError::Directory { path: directory.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("kvsockd")
        .filename_suffix("log")
        .max_log_files(FILES)
        .build(directory)
        .map_err(|error| failed(io::Error::other(error)))
}

/// Opens what entries are written to. Standard error stands in for a journal that is away.
pub(super) fn open(sink: Sink, files: Option<RollingFileAppender>) -> impl Subscriber {
    let journal = (sink == Sink::Journal).then(Journal::open).and_then(Result::ok);
    let stderr = if journal.is_none() { stderr() } else { None };
    tracing_subscriber::registry()
        .with(journal.map(Telling))
        .with(stderr.map(|(writer, colours)| lines(writer, colours)))
        .with(files.map(|files| lines(files, false)))
}

/// A descriptor of our own for standard error, and whether it takes colours. The one of the
/// standard library has a lock, on which others would wait while a write is stuck.
fn stderr() -> Option<(Arc<File>, bool)> {
    let stderr = io::stderr();
    let copy = stderr.as_fd().try_clone_to_owned().ok()?;
    Some((Arc::new(File::from(copy)), stderr.is_terminal()))
}

/// Lines for people, written to `writer`.
pub(super) fn lines<S, W>(writer: W, colours: bool) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    let layer = fmt::layer()
        .compact()
        .with_timer(CaptureTime)
        .with_writer(writer)
        // It would complain on standard error, and panic when that is closed.
        .log_internal_errors(false);
    // Left alone, colours follow NO_COLOR.
    WithoutId(if colours { layer } else { layer.with_ansi(false) })
}
