//! Panics as log entries.

use std::panic;
use std::thread;

use tracing::error;

/// The name of the log thread.
pub(super) const THREAD: &str = "kvsock-log";

/// Logs panics instead of writing them to standard error, whose reader may be stuck. A formatted
/// message is omitted, since it may contain a client's data.
pub(super) fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        // The log thread would log its own panics without end.
        if thread.name() == Some(THREAD) {
            return;
        }
        let message = panic.payload().downcast_ref::<&'static str>().copied();
        error!(
            thread = thread.name(),
            location = panic.location().map(tracing::field::display),
            "panic: {}",
            message.unwrap_or("(message not logged)")
        );
    }));
}
