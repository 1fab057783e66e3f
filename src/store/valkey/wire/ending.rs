//! The end of a connection, which comes once and for one cause.

use std::borrow::Cow;
use std::sync::OnceLock;

use tokio::sync::Notify;

/// Whether and why a connection has ended; its parts learn of it together.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    cause: OnceLock<Cow<'static, str>>,
    reached: Notify,
}

impl Ending {
    /// Ends the connection. The first cause stays.
    pub(crate) fn end(&self, cause: Cow<'static, str>) {
        if self.cause.set(cause).is_ok() {
            self.reached.notify_waiters();
        }
    }

    /// The cause, once it has ended.
    pub(crate) fn cause(&self) -> Option<&Cow<'static, str>> {
        self.cause.get()
    }

    /// Waits for the end, and tells its cause.
    pub(crate) async fn reached(&self) -> Cow<'static, str> {
        // Created before the look at the cause, so that no end falls between the two.
        let reached = self.reached.notified();
        if self.cause().is_none() {
            reached.await;
        }
        self.cause().cloned().unwrap_or_default()
    }
}
