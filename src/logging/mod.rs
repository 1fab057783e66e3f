//! Logs: to the journal or standard error, and perhaps to files, without ever holding up the
//! thread that logs.
//!
//! The journal's socket blocks while its reader is stuck, and so do pipes and disks. So the
//! thread that logs only copies the event into a bounded queue; a thread of its own writes. What
//! does not fit is dropped and counted. Events are logged singly: spans are not recorded.

mod entry;
mod filter;
mod journal;
mod output;
mod panic;
mod queue;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_log::LogTracer;
use tracing_log::log::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

use self::entry::{Capture, Entry};
use self::queue::Queue;
use crate::event;

pub use self::filter::{Filter, FilterError};
pub use self::output::Sink;

/// Entries that may wait to be written.
const QUEUE: usize = 1024;

/// The name of the thread that writes.
const THREAD: &str = "kvsock-log";

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

/// The running log. Logging goes on when it is dropped; only its controls are gone.
#[derive(Debug)]
pub struct Logging {
    queue: Arc<Queue<Entry>>,
    filter: reload::Handle<Targets, Registry>,
    dispatch: Dispatch,
}

/// Starts logging for the whole process, once. What the `log` crate and panics have to say is
/// logged too.
pub fn start(options: &Options, sink: Sink) -> Result<Logging, LogError> {
    let filter = options.filter.parse()?;
    let files = options.dir.as_deref().map(output::files).transpose()?;
    let logging = Logging::spawn(filter, QUEUE, move || output::open(sink, files))?;
    dispatcher::set_global_default(logging.dispatch.clone()).map_err(|_| LogError::Started)?;
    // The filter lets no dependency say more than that.
    let bridge = LogTracer::builder().with_max_level(LevelFilter::Info);
    bridge.init().map_err(|_| LogError::Started)?;
    panic::log_panics();
    Ok(logging)
}

impl Logging {
    /// Starts the thread that writes to what `open` opens there, since that may block too.
    fn spawn<S: Subscriber>(
        filter: Filter,
        capacity: usize,
        open: impl FnOnce() -> S + Send + 'static,
    ) -> Result<Logging, LogError> {
        let queue = Arc::new(Queue::new(capacity));
        let (targets, filter) = reload::Layer::new(filter.targets());
        let capture = Capture::new(Arc::clone(&queue));
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(targets).with(capture));
        let logging = Logging { queue: Arc::clone(&queue), filter, dispatch: dispatch.clone() };
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || write(&queue, &dispatch, &open()))
            .map_err(LogError::Thread)?;
        Ok(logging)
    }

    /// Changes how much is logged from now on.
    pub fn set_filter(&self, text: &str) -> Result<(), FilterError> {
        let filter: Filter = text.parse()?;
        // Fails only without a subscriber, and `self` holds it.
        let _ = self.filter.reload(filter.targets());
        Ok(())
    }

    /// How many entries were dropped since the start, because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Waits until everything logged so far is written, at most for `limit`, and says whether it
    /// was.
    pub fn finish(&self, limit: Duration) -> bool {
        self.queue.wait_idle(limit)
    }
}

/// Writes entries as long as the process lives. `output` is used without a [`Dispatch`], as that
/// would have every event of the process ask it, too, whether it is wanted.
fn write(queue: &Queue<Entry>, dispatch: &Dispatch, output: &impl Subscriber) {
    let mut reported = 0;
    loop {
        let entry = queue.pop();
        // Files write to a closed standard error when they fail, which panics.
        let _ = catch_unwind(AssertUnwindSafe(|| entry.emit(output)));
        let dropped = queue.dropped();
        if dropped > reported && queue.has_room() {
            let count = dropped - reported;
            reported = dropped;
            dispatcher::with_default(dispatch, || {
                tracing::warn!(
                    message_id = event::LOG_DROPPED,
                    dropped = count,
                    "log entries dropped"
                );
            });
        }
    }
}

#[cfg(test)]
mod tests;
