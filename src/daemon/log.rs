//! Where the daemon logs to.

use std::sync::Arc;
use std::time::Duration;

use crate::logging::{self, LogError, Logging, Options, Sink};

/// The longest that the log and the service manager may hold up the end.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// Starts to log.
pub(super) fn start(options: &Options) -> Result<Arc<Logging>, LogError> {
    logging::start(options, sink()).map(Arc::new)
}

/// The journal, where standard error is connected to it.
pub(super) fn sink() -> Sink {
    Sink::detect(std::env::var_os("JOURNAL_STREAM").as_deref())
}
