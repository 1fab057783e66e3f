//! The outbox of a connection: requests that its driver has not taken yet, and the rest of the state
//! that the two share.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::ending::Ending;
use super::exchange::InFlight;
use crate::protocol::Outgoing;
use crate::store::valkey::cache::Cache;

/// What waits for the driver.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Bytes to be sent.
    pub(crate) bytes: Outgoing,
    /// Whose they are.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// How many bytes there have ever been.
    pub(crate) total: u64,
    /// The driver's, while it has nothing to do.
    pub(crate) waker: Option<Waker>,
    /// The connection has ended.
    pub(crate) is_closed: bool,
}

/// What the connection and its driver share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    outbox: Mutex<Outbox>,
    pub(crate) ending: Ending,
    /// What the near cache knows, if there is one.
    pub(crate) cache: OnceLock<Cache>,
}

impl Shared {
    /// The outbox. Never held while waiting.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
