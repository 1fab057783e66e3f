//! The time by which reads tell what has expired.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::embedded::argument::time;

/// It stands still while the writer makes changes that reads do not see yet. Otherwise a read could
/// miss a key as expired that such a change had found before it expired, and a later one see what
/// the change made of it.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<u64>>);

impl Clock {
    /// The time for a read, in Unix milliseconds. To be asked before the data is looked at.
    pub(crate) fn now(&self) -> u64 {
        let stopped = self.stopped();
        // Asked while nobody can stop it, so that it never goes back.
        let now = time::now();
        stopped.map_or(now, |stopped| stopped.min(now))
    }

    /// The writer begins with changes.
    pub(crate) fn stop(&self) {
        let mut stopped = self.stopped();
        *stopped = Some(time::now());
    }

    /// All changes can be seen, and nobody was told of them yet.
    pub(crate) fn go_on(&self) {
        *self.stopped() = None;
    }

    fn stopped(&self) -> MutexGuard<'_, Option<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_expire_for_reads_while_a_change_to_it_is_under_way() {
        let clock = Clock::default();
        clock.stop();
        let stopped = clock.now();
        let expires = stopped + 1;
        while time::now() <= expires {
            std::thread::yield_now();
        }
        assert_eq!(clock.now(), stopped);
        clock.go_on();
        assert!(clock.now() > expires);
    }
}
