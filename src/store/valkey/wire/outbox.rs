//! The state that a connection and its driver share: the outbox of commands that the driver has not
//! taken yet, the end of the connection, and its near cache.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::ending::Ending;
use super::exchange::InFlight;
use crate::protocol::Outgoing;
use crate::store::valkey::cache::Cache;

/// Commands that wait for the driver.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The encoded commands.
    pub(crate) bytes: Outgoing,
    /// The exchanges that the commands belong to.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// The number of bytes ever submitted.
    pub(crate) total: u64,
    /// Wakes the driver while it is idle.
    pub(crate) waker: Option<Waker>,
    /// The connection has ended.
    pub(crate) is_closed: bool,
}

/// State that the connection and its driver share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    outbox: Mutex<Outbox>,
    pub(crate) ending: Ending,
    /// The near cache, if there is one.
    pub(crate) cache: OnceLock<Cache>,
}

impl Shared {
    /// Locks the outbox. No caller awaits while it holds the lock.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
