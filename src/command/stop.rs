//! A client's request that the daemon stops.
//!
//! The request belongs to the daemon and not to a server: a hand-over replaces the server that
//! received the request.

use tokio::sync::watch;

/// Whether a client with the right to do so has asked the daemon to stop. The request stays in
/// force, whether or not a task listens at the time.
#[derive(Debug, Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Asks the daemon to stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether a client has asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when a client asks, or at once if one has asked.
    pub async fn requested(&self) {
        let mut requested = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = requested.wait_for(|requested| *requested).await;
    }
}
