//! The outputs of the log: the journal, standard error, files. Only the log thread uses them.

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

/// The number of daily files that are kept.
const FILES: usize = 14;

/// The primary output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The systemd journal, with structured fields.
    Journal,
    /// Standard error, as lines for people.
    Stderr,
}

impl Sink {
    /// The journal if standard error is connected to it. `journal_stream` is `$JOURNAL_STREAM`, in
    /// which systemd identifies that connection (`systemd.exec(5)`).
    pub fn detect(journal_stream: Option<&OsStr>) -> Sink {
        let Ok(stderr) = rustix::fs::fstat(io::stderr()) else { return Sink::Stderr };
        let connection = format!("{}:{}", stderr.st_dev, stderr.st_ino);
        if journal_stream == Some(OsStr::new(&connection)) { Sink::Journal } else { Sink::Stderr }
    }
}

/// Opens the daily files in `directory`, and creates it for the owner alone if it is missing.
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

/// Opens the outputs. Standard error replaces a journal that cannot be reached.
pub(super) fn open(sink: Sink, files: Option<RollingFileAppender>) -> impl Subscriber {
    let journal = (sink == Sink::Journal).then(Journal::open).and_then(Result::ok);
    let stderr = if journal.is_none() { stderr() } else { None };
    tracing_subscriber::registry()
        .with(journal.map(Telling))
        .with(stderr.map(|(writer, colours)| lines(writer, colours)))
        .with(files.map(|files| lines(files, false)))
}

/// A descriptor of standard error for the log alone, and whether it takes colours. The standard
/// library's handle has a lock, on which other threads would wait while a write is stuck.
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
        // It would report errors on standard error, and panic if that is closed.
        .log_internal_errors(false);
    // By default, colours follow NO_COLOR.
    WithoutId(if colours { layer } else { layer.with_ansi(false) })
}
