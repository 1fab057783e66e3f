//! The end of a connection. It comes once, and for one cause.

use std::borrow::Cow;
use std::sync::OnceLock;

use tokio::sync::Notify;

/// Whether a connection has ended, and why. All parts of the connection share one.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    cause: OnceLock<Cow<'static, str>>,
    reached: Notify,
}

impl Ending {
    /// Ends the connection. Later causes are ignored.
    pub(crate) fn end(&self, cause: Cow<'static, str>) {
        if self.cause.set(cause).is_ok() {
            self.reached.notify_waiters();
        }
    }

    /// The cause, if the connection has ended.
    pub(crate) fn cause(&self) -> Option<&Cow<'static, str>> {
        self.cause.get()
    }

    /// Waits for the end, and gives its cause.
    pub(crate) async fn reached(&self) -> Cow<'static, str> {
        // Created before the check of the cause, so that no end is missed between the two.
        let reached = self.reached.notified();
        if self.cause().is_none() {
            reached.await;
        }
        self.cause().cloned().unwrap_or_default()
    }
}
