//! The log thread: its start, its controls, and its loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_log::LogTracer;
use tracing_log::log::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

use super::entry::{Capture, Entry};
use super::error::LogError;
use super::event;
use super::filter::{Filter, FilterError};
use super::options::Options;
use super::output::{self, Sink};
use super::panic::{self, THREAD};
use super::queue::Queue;

/// The most entries that wait to be written.
const QUEUE: usize = 1024;

/// The target of the log's own entries. It does not depend on this file's place.
const TARGET: &str = "kvsock::logging";

/// The controls of the running log. Logging goes on after they are dropped.
#[derive(Debug)]
pub struct Logging {
    queue: Arc<Queue<Entry>>,
    filter: reload::Handle<Targets, Registry>,
    pub(super) dispatch: Dispatch,
}

/// Starts logging for the whole process, once. Events of the `log` crate and panics are logged too.
pub fn start(options: &Options, sink: Sink) -> Result<Logging, LogError> {
    let filter = options.filter.parse()?;
    let files = options.dir.as_deref().map(output::files).transpose()?;
    let logging = Logging::spawn(filter, QUEUE, move || output::open(sink, files))?;
    dispatcher::set_global_default(logging.dispatch.clone()).map_err(|_| LogError::Started)?;
    // The filter passes no higher level of dependencies.
    let bridge = LogTracer::builder().with_max_level(LevelFilter::Info);
    bridge.init().map_err(|_| LogError::Started)?;
    panic::log_panics();
    Ok(logging)
}

impl Logging {
    /// Starts the thread. It calls `open` itself, since that may block too.
    pub(super) fn spawn<S: Subscriber>(
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

    /// Changes the filter from now on.
    pub fn set_filter(&self, text: &str) -> Result<(), FilterError> {
        let filter: Filter = text.parse()?;
        // Fails only without a subscriber, and `self` holds it.
        let _ = self.filter.reload(filter.targets());
        Ok(())
    }

    /// The number of entries dropped since the start because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Waits at most `limit` until all entries logged so far are written; true if they were.
    pub fn finish(&self, limit: Duration) -> bool {
        self.queue.wait_idle(limit)
    }
}

/// Writes entries as long as the process lives. `output` is used without a [`Dispatch`]: with one,
/// every event of the process would also ask `output` whether it is enabled.
fn write(queue: &Queue<Entry>, dispatch: &Dispatch, output: &impl Subscriber) {
    let mut reported = 0;
    loop {
        let entry = queue.pop();
        // The file writer reports its errors on standard error, and panics if that is closed.
        let _ = catch_unwind(AssertUnwindSafe(|| entry.emit(output)));
        let dropped = queue.dropped();
        if dropped > reported && queue.has_room() {
            let count = dropped - reported;
            reported = dropped;
            dispatcher::with_default(dispatch, || {
                tracing::warn!(
                    target: TARGET,
                    message_id = event::LOG_DROPPED,
                    dropped = count,
                    "log entries dropped"
                );
            });
        }
    }
}
