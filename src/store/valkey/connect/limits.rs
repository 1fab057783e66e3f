//! Limits from the options that apply to every request.

use std::time::Duration;

use tokio::time::Instant;

use crate::memory::ReplyRoom;
use crate::store::options::Options;

/// The wait before another attempt at a server that is connected but does not serve.
pub(crate) const RETRY_WAIT: Duration = Duration::from_millis(50);

/// Limits of a store, whichever servers it is on.
#[derive(Debug)]
pub(crate) struct Limits {
    /// See [`Options::timeout`].
    timeout: Duration,
    /// See [`Options::max_reply`]; `usize::MAX` if that is unlimited.
    pub(crate) max_reply: usize,
    /// See [`Options::watch_limit`].
    pub(crate) watch_limit: Duration,
    /// See [`Options::last_depth`].
    pub(crate) last_depth: usize,
    /// See [`Options::has_parts`].
    pub(crate) has_parts: bool,
}

impl Limits {
    /// The limits that the options set.
    pub(crate) fn of(options: &Options) -> Limits {
        Limits {
            timeout: options.timeout,
            max_reply: if options.max_reply == 0 { usize::MAX } else { options.max_reply },
            watch_limit: options.watch_limit,
            last_depth: options.last_depth,
            has_parts: options.has_parts,
        }
    }

    /// The deadline of a request that begins now and waits for a server that is away; `None` is
    /// without limit.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!self.timeout.is_zero()).then(|| Instant::now() + self.timeout)
    }

    /// The deadline of a client's request. A client that has just waited in vain does not wait
    /// again.
    pub(crate) fn deadline_of(&self, hold: &ReplyRoom) -> Option<Instant> {
        if hold.is_impatient() { Some(Instant::now()) } else { self.deadline() }
    }
}

/// Whether the deadline has passed.
pub(crate) fn is_late(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
