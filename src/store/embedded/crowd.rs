//! How long to wait for more work before a commit.
//!
//! A client that was answered soon asks again. When many were answered at once, the first that is
//! back would have a sync of its own, which all the others then wait for.

use std::time::Duration;

/// The part of the time that a commit takes that may pass before it.
const PART: u32 = 4;
/// The longest pause, also where the disk is slow.
const LONGEST: Duration = Duration::from_millis(1);

/// How many come, and what a commit of theirs takes.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Clients whose work was committed together last.
    last: usize,
    /// What their commit took.
    time: Duration,
}

impl Crowd {
    /// So many came.
    pub(super) fn came(&mut self, clients: usize) {
        self.last = clients;
    }

    /// Their commit took so long.
    pub(super) fn took(&mut self, time: Duration) {
        self.time = time;
    }

    /// How long to wait for those who may come yet, when so many have; zero when that is not worth it.
    pub(super) fn pause(&self, clients: usize) -> Duration {
        if clients < self.last { (self.time / PART).min(LONGEST) } else { Duration::ZERO }
    }
}
