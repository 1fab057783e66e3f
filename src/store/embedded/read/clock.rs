//! The clock by which reads decide which keys have expired.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::embedded::argument::time;

/// The clock stands still while the writer makes changes that reads do not see yet. Otherwise a
/// read could find that a key has expired, although a change under way had found the key before it
/// expired; and a later read would see the result of that change.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<u64>>);

impl Clock {
    /// The time for a read, in Unix milliseconds. A reader takes it before it looks at the data.
    pub(crate) fn now(&self) -> u64 {
        let stopped = self.stopped();
        // Taken under the lock, so that the time never goes back.
        let now = time::now();
        stopped.map_or(now, |stopped| stopped.min(now))
    }

    /// Stops the clock: the writer begins with changes.
    pub(crate) fn stop(&self) {
        let mut stopped = self.stopped();
        *stopped = Some(time::now());
    }

    /// Restarts the clock: all changes are visible, and no reply to them was sent yet.
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
