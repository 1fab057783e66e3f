//! Panics, logged like everything else.

use std::panic;
use std::thread;

use tracing::error;

/// The name of the log thread.
pub(super) const THREAD: &str = "kvsock-log";

/// Has panics logged rather than written to standard error, whose reader may be stuck. A message
/// with values put into it is left out, for it may hold a client's data.
pub(super) fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        // The log thread would log its own panics again and again.
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
