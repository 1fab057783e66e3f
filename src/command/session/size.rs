//! The last known number of keys, for `status`. On a Valkey with a prefix, a count takes a scan.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A count that took at most this long is repeated each time.
const CHEAP: Duration = Duration::from_millis(10);
/// A slower count is valid for at least this long.
const MIN_AGE: Duration = Duration::from_millis(500);
/// A slower count is valid for at least this many times its own duration, so that counting is a
/// small part of the store's work.
const COST_FACTOR: u32 = 20;

/// The last count, and the time when another is worth its cost.
#[derive(Debug, Default)]
pub(crate) struct CachedSize(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    size: Option<i64>,
    /// The duration of the last count; none if it failed or none was made.
    took: Option<Duration>,
    /// The end of the validity of `size`; none if no count was made.
    stands_until: Option<Instant>,
    is_counting: bool,
}

impl CachedSize {
    /// The last count; `None` if the store never reported one.
    pub(crate) fn get(&self) -> Option<i64> {
        self.state().size
    }

    /// Whether a count is cheap enough to be made for every request.
    pub(crate) fn is_cheap(&self) -> bool {
        self.state().took.is_some_and(|took| took <= CHEAP)
    }

    /// Whether the last count took longer.
    pub(crate) fn takes_longer_than(&self, limit: Duration) -> bool {
        self.state().took.is_some_and(|took| took > limit)
    }

    /// Whether a count that is not cheap is due. If so, the caller counts and then calls
    /// [`CachedSize::finish`].
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.state();
        let stands = state.stands_until.is_some_and(|until| Instant::now() < until);
        if stands || state.is_counting {
            return false;
        }
        state.is_counting = true;
        true
    }

    /// Stores a count that began at `began`; `None` if it failed.
    pub(crate) fn finish(&self, size: Option<i64>, began: Instant) {
        let took = began.elapsed();
        let mut state = self.state();
        state.is_counting = false;
        state.took = size.and(Some(took));
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
        let began = Instant::now();
        assert!(size.begin());
        assert!(!size.begin());
        assert_eq!(size.get(), None);
        assert!(!size.is_cheap());
        size.finish(Some(3), began.checked_sub(CHEAP * 2).unwrap());
        assert_eq!(size.get(), Some(3));
        assert!(!size.begin() && !size.is_cheap());
        size.state().stands_until = Some(Instant::now());
        assert!(size.begin());
        size.finish(None, began);
        assert_eq!(size.get(), Some(3), "a count that failed leaves the last one");
        size.finish(Some(4), Instant::now());
        assert!(size.is_cheap());
    }
}
