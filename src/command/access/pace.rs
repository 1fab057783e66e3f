//! How often the same may be told: some times in a while, after which it is only counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The while.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// How often one thing is told in it.
const MOST: u64 = 10;
/// Things told apart at a time; the memory that they take is bounded by it.
const THINGS: usize = 1024;

/// What was told of late.
#[derive(Debug)]
pub(crate) struct Pace<T> {
    windows: HashMap<T, Window>,
    /// Of things for which there was no place.
    unplaced: u64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    times: u64,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// So many times it was held back before.
    pub(crate) held_back: u64,
    /// This time it is told.
    pub(crate) tell: bool,
}

impl<T> Default for Pace<T> {
    fn default() -> Pace<T> {
        Pace { windows: HashMap::new(), unplaced: 0 }
    }
}

impl<T: Copy + Eq + Hash> Pace<T> {
    /// `thing` happens once more.
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

    /// Forgets what is over, at `now` or whenever it may be; gives what was held back of it, and
    /// how often, also of things not told apart.
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

    /// Whether anything is held back that was not told yet.
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

    /// How often `thing` is told when it happens `times` times.
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
