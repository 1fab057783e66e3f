//! A limit on how often equal subjects are logged: a few times in a time window; further ones are
//! only counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The length of a time window.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// The most times one subject is logged in a window.
const MOST: u64 = 10;
/// The most subjects counted separately, which bounds the memory they take.
const THINGS: usize = 1024;

/// The subjects logged lately.
#[derive(Debug)]
pub(crate) struct Pace<T> {
    windows: HashMap<T, Window>,
    /// Events of subjects for which the table had no room.
    unplaced: u64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    times: u64,
}

/// The log entries due for one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The number of earlier events of the subject that were held back.
    pub(crate) held_back: u64,
    /// Whether this event is logged.
    pub(crate) tell: bool,
}

impl<T> Default for Pace<T> {
    fn default() -> Pace<T> {
        Pace { windows: HashMap::new(), unplaced: 0 }
    }
}

impl<T: Copy + Eq + Hash> Pace<T> {
    /// Counts one more event of `thing`.
    pub(crate) fn happens(&mut self, thing: T, now: Instant) -> Due {
        if self.windows.len() >= THINGS && !self.windows.contains_key(&thing) {
            self.windows.retain(|_, window| !window.is_over(now) || window.held_back() > 0);
            if self.windows.len() >= THINGS {
                self.unplaced += 1;
                return Due { held_back: 0, tell: false };
            }
        }
        let new = Window { since: now, times: 1 };
        match self.windows.entry(thing) {
            Entry::Vacant(place) => {
                place.insert(new);
                Due { held_back: 0, tell: true }
            }
            Entry::Occupied(mut place) if place.get().is_over(now) => {
                Due { held_back: place.insert(new).held_back(), tell: true }
            }
            Entry::Occupied(mut place) => {
                place.get_mut().times += 1;
                Due { held_back: 0, tell: place.get().times <= MOST }
            }
        }
    }

    /// Forgets windows that are over at `now`, or all if `now` is `None`. Returns each subject with
    /// the number of its events held back; `None` stands for subjects without an entry of their
    /// own.
    pub(crate) fn end(&mut self, now: Option<Instant>) -> Vec<(Option<T>, u64)> {
        let is_over = |window: &Window| now.is_none_or(|now| window.is_over(now));
        let mut ended: Vec<(Option<T>, u64)> = self
            .windows
            .extract_if(|_, window| is_over(window))
            .map(|(thing, window)| (Some(thing), window.held_back()))
            .collect();
        ended.push((None, std::mem::take(&mut self.unplaced)));
        ended.retain(|(_, times)| *times > 0);
        ended
    }

    /// Whether any held-back event is not reported yet.
    pub(crate) fn holds_back(&self) -> bool {
        self.unplaced > 0 || self.windows.values().any(|window| window.held_back() > 0)
    }
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WINDOW
    }

    fn held_back(&self) -> u64 {
        self.times.saturating_sub(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of log entries for `times` events of `thing`.
    fn told(pace: &mut Pace<usize>, thing: usize, times: u64, now: Instant) -> usize {
        (0..times).filter(|_| pace.happens(thing, now).tell).count()
    }

    #[test]
    fn a_flood_is_told_ten_times_and_then_counted() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(told(&mut pace, 1, 100_000, now), 10);
        assert!(pace.holds_back());
        assert_eq!(pace.end(Some(now)), [], "it goes on");
        assert_eq!(pace.end(Some(now + WINDOW)), [(Some(1), 99_990)]);
        assert!(!pace.holds_back());
        assert_eq!(told(&mut pace, 1, 20, now + WINDOW), 10);
    }

    #[test]
    fn one_flood_hides_nothing_else() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        told(&mut pace, 1, 100, now);
        assert_eq!(told(&mut pace, 2, 1, now), 1);
    }

    #[test]
    fn what_was_held_back_is_told_with_the_next_of_it() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        told(&mut pace, 1, 13, now);
        assert_eq!(pace.happens(1, now + WINDOW), Due { held_back: 3, tell: true });
        assert_eq!(pace.end(None), [], "told");
    }

    #[test]
    fn memory_is_bounded_and_what_finds_no_place_is_counted() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for thing in 0..THINGS {
            assert_eq!(told(&mut pace, thing, 11, now), 10);
        }
        assert_eq!(told(&mut pace, THINGS, 5, now), 0);
        assert_eq!(pace.windows.len(), THINGS);
        let ended = pace.end(Some(now + WINDOW));
        assert_eq!(ended.len(), THINGS + 1);
        assert!(ended.contains(&(None, 5)));
        assert_eq!(told(&mut pace, THINGS, 5, now), 5);
    }

    #[test]
    fn quiet_things_make_place_for_new_ones() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for thing in 0..THINGS {
            told(&mut pace, thing, 1, now);
        }
        assert_eq!(told(&mut pace, THINGS, 1, now + WINDOW), 1);
        assert_eq!(pace.windows.len(), 1);
    }
}
