//! The wish of a client that the daemon stops.

use tokio::sync::watch;

/// Whether a client with the right to do so has asked the daemon to stop. What was asked once stays
/// asked, whoever listens at the time.
#[derive(Debug, Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Asks for it.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is, or was, asked for.
    pub async fn requested(&self) {
        let mut requested = self.0.subscribe();
        // The sender lives as long as this does.
        let _ = requested.wait_for(|requested| *requested).await;
    }
}
