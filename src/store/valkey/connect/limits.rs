//! What the options say of every request.

use std::time::Duration;

use tokio::time::Instant;

use crate::memory::ReplyRoom;
use crate::store::options::Options;

/// Bounds and habits of a store, whatever servers it is on.
#[derive(Debug)]
pub(crate) struct Terms {
    /// See [`Options::timeout`].
    timeout: Duration,
    /// See [`Options::max_reply`]; the largest number where that is unlimited.
    pub(crate) max_reply: usize,
    /// See [`Options::watch_limit`].
    pub(crate) watch_limit: Duration,
    /// See [`Options::last_depth`].
    pub(crate) last_depth: usize,
    /// See [`Options::has_parts`].
    pub(crate) has_parts: bool,
}

impl Terms {
    /// Those of the options.
    pub(crate) fn of(options: &Options) -> Terms {
        Terms {
            timeout: options.timeout,
            max_reply: if options.max_reply == 0 { usize::MAX } else { options.max_reply },
            watch_limit: options.watch_limit,
            last_depth: options.last_depth,
            has_parts: options.has_parts,
        }
    }

    /// Until when a request that begins now may wait for a store that is away; without end if
    /// `None`.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!self.timeout.is_zero()).then(|| Instant::now() + self.timeout)
    }

    /// The same of the client that asks: it does not wait a second time.
    pub(crate) fn deadline_of(&self, hold: &ReplyRoom) -> Option<Instant> {
        if hold.is_impatient() { Some(Instant::now()) } else { self.deadline() }
    }
}

/// Whether there is no more time for another attempt.
pub(crate) fn is_late(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
