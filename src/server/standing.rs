//! Whether a connection counts: until its peer hangs up.
//!
//! A client may send a request and go away. The requests received are then executed within limits:
//! for at most [`TIME`], for a bounded number of connections, and not where keys are watched or
//! memory is full. The rest is dropped. Operations already sent to the store end on their own.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::connection::hang_up::unless_gone;
use super::presence::Presence;
use super::shared::Shared;
use crate::account::Place;

/// The time in which the requests of a connection may end after its peer has hung up.
const TIME: Duration = Duration::from_secs(1);

/// The standing of a connection among all connections.
#[derive(Debug)]
pub(super) enum Standing {
    /// The connection does not count, yet or any longer.
    None,
    /// The connection counts.
    Present(Presence),
    /// The peer has hung up; the requests received may be executed until then.
    Leftover(Instant, #[allow(dead_code)] Place),
}

impl Standing {
    /// The result of `work` for the peer of `stream`.
    ///
    /// # Errors
    ///
    /// The peer has hung up, and the work is dropped.
    pub(super) async fn wait<T>(
        &mut self,
        stream: &UnixStream,
        shared: &Shared,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> io::Result<T> {
        if !matches!(self, Standing::Leftover(..)) {
            if let Some(result) = unless_gone(stream, work.as_mut()).await {
                return Ok(result);
            }
            self.leave(shared);
        }
        let dropped = io::Error::from(io::ErrorKind::ConnectionAborted);
        let Standing::Leftover(end, _) = self else { return Err(dropped) };
        timeout_at(*end, work).await.map_err(|_| dropped)
    }

    /// The peer has hung up, so that the connection no longer counts.
    fn leave(&mut self, shared: &Shared) {
        let Standing::Present(presence) = std::mem::replace(self, Standing::None) else { return };
        if presence.client().is_watching() || !shared.memory.is_within() {
            return;
        }
        if let Some(place) = shared.leftovers.try_take(presence.account()) {
            *self = Standing::Leftover(Instant::now() + TIME, place);
        }
    }
}
