//! The last known number of keys, for `status`: on a prefixed Valkey it takes a scan to count.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A count stands for at least this long.
const MIN_AGE: Duration = Duration::from_millis(500);
/// It stands for at least so many times as long as it took, so that counting is a small part of
/// what the store does.
const COST_FACTOR: u32 = 20;

/// The last count, and when another is worth its cost.
#[derive(Debug, Default)]
pub(super) struct CachedSize(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    size: Option<i64>,
    /// Until when `size` stands; none if it never was counted.
    stands_until: Option<Instant>,
    /// When the count that is under way began.
    counting_since: Option<Instant>,
}

impl CachedSize {
    /// The last count; `None` if the store never told.
    pub(super) fn get(&self) -> Option<i64> {
        self.state().size
    }

    /// Whether the caller is to count anew, and then to call [`CachedSize::finish`].
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let stands = state.stands_until.is_some_and(|until| now < until);
        if stands || state.counting_since.is_some() {
            return false;
        }
        state.counting_since = Some(now);
        true
    }

    /// Takes the count that was begun; `None` if it failed.
    pub(super) fn finish(&self, size: Option<i64>) {
        let mut state = self.state();
        let took = state.counting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        state.stands_until = Some(Instant::now() + MIN_AGE.max(took * COST_FACTOR));
        state.size = size.or(state.size);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_counts_at_a_time_and_a_count_stands_for_a_while() {
        let size = CachedSize::default();
        assert!(size.begin());
        assert!(!size.begin());
        assert_eq!(size.get(), None);
        size.finish(Some(3));
        assert_eq!(size.get(), Some(3));
        assert!(!size.begin());
        size.state().stands_until = Some(Instant::now());
        assert!(size.begin());
        size.finish(None);
        assert_eq!(size.get(), Some(3), "a count that failed leaves the last one");
    }
}
