//! Changes to the index of `last` that are not written to the store yet: which keys were set,
//! and when, and which are gone. In memory only, bounded, and nothing here waits.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// When something happened: microseconds of Unix time, strictly increasing within the process.
pub(super) type Stamp = u64;

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was set.
    Set(Stamp),
    /// It is no more.
    Gone(Stamp),
}

impl Change {
    fn stamp(self) -> Stamp {
        match self {
            Change::Set(stamp) | Change::Gone(stamp) => stamp,
        }
    }
}

/// Changes by key, without the prefix.
pub(super) type Changes = HashMap<Bytes, Change>;

/// The changes that wait to be written.
#[derive(Debug)]
pub(super) struct Recent {
    changes: Changes,
    /// How many keys the index holds.
    depth: usize,
    newest: Stamp,
    /// Up to here everything was cleared.
    cleared: Stamp,
}

impl Recent {
    /// Keeps at most about twice `depth` changes.
    pub(super) fn new(depth: usize) -> Recent {
        Recent { changes: Changes::new(), depth, newest: 0, cleared: 0 }
    }

    /// Notes that `key` was just set.
    pub(super) fn set(&mut self, key: &[u8]) {
        let stamp = self.stamp();
        self.note(key, Change::Set(stamp));
    }

    /// Notes that `key` is no more.
    pub(super) fn gone(&mut self, key: &[u8]) {
        let stamp = self.stamp();
        self.note(key, Change::Gone(stamp));
    }

    /// Notes that `key` was found to be no more, unless something newer is known of it.
    pub(super) fn found_gone(&mut self, key: &[u8]) {
        if !self.changes.contains_key(key) {
            self.gone(key);
        }
    }

    /// Forgets what happened up to `stamp`, as all keys of that time are gone.
    pub(super) fn clear(&mut self, stamp: Stamp) {
        self.cleared = stamp;
        self.changes.retain(|_, change| change.stamp() > stamp);
    }

    /// The changes, to be written.
    pub(super) fn take(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Takes changes back that could not be written. What is newer stays.
    pub(super) fn put_back(&mut self, changes: Changes) {
        for (key, change) in changes {
            if change.stamp() > self.cleared {
                self.changes.entry(key).or_insert(change);
            }
        }
        self.bound();
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Learns that something happened at `stamp` already: what waits happened after it. A process
    /// whose clock was set back would otherwise write what nobody takes for new.
    pub(super) fn catch_up(&mut self, stamp: Stamp) {
        let oldest = self.changes.values().map(|change| change.stamp()).min();
        let oldest = oldest.unwrap_or(self.newest + 1);
        if stamp < oldest {
            return;
        }
        let later = stamp - oldest + 1;
        for change in self.changes.values_mut() {
            *change = match *change {
                Change::Set(stamp) => Change::Set(stamp + later),
                Change::Gone(stamp) => Change::Gone(stamp + later),
            };
        }
        self.newest += later;
    }

    /// Now, later than ever before, also when the clock steps back.
    pub(super) fn stamp(&mut self) -> Stamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        self.newest = u64::try_from(now).unwrap_or(u64::MAX).max(self.newest + 1);
        self.newest
    }

    fn note(&mut self, key: &[u8], change: Change) {
        if let Some(known) = self.changes.get_mut(key) {
            *known = change;
            return;
        }
        // A copy, since the slice would keep the whole buffer it was read into.
        self.changes.insert(Bytes::copy_from_slice(key), change);
        self.bound();
    }

    /// Keeps the newest `depth` when there are twice as many: the index has no room for more.
    fn bound(&mut self) {
        if self.changes.len() <= self.depth.saturating_mul(2) {
            return;
        }
        let mut stamps: Vec<Stamp> = self.changes.values().map(|change| change.stamp()).collect();
        let oldest_kept = stamps.len() - self.depth;
        let (_, &mut bound, _) = stamps.select_nth_unstable(oldest_kept);
        self.changes.retain(|_, change| change.stamp() >= bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_set(changes: &Changes, key: &'static str) -> bool {
        matches!(changes.get(key.as_bytes()), Some(Change::Set(_)))
    }

    #[test]
    fn the_newest_survive_the_bound() {
        let mut recent = Recent::new(10);
        for number in 0..1000 {
            recent.set(format!("{number}").as_bytes());
        }
        let changes = recent.take();
        assert!((10..=20).contains(&changes.len()));
        assert!((990..1000).all(|number| changes.contains_key(number.to_string().as_bytes())));
    }

    #[test]
    fn what_waits_comes_after_what_is_known_to_have_happened_in_the_same_order() {
        let mut recent = Recent::new(10);
        recent.set(b"a");
        recent.gone(b"b");
        let later = recent.stamp() + 1_000_000;
        recent.catch_up(later);
        let changes = recent.take();
        assert!(later < changes[&b"a"[..]].stamp());
        assert!(changes[&b"a"[..]].stamp() < changes[&b"b"[..]].stamp());
        assert!(recent.stamp() > changes[&b"b"[..]].stamp());
        let now = recent.stamp();
        recent.catch_up(now - 1000);
        assert!(recent.stamp() < now + 1_000_000, "nothing to catch up with");
    }

    #[test]
    fn what_is_put_back_does_not_hide_what_is_newer() {
        let mut recent = Recent::new(10);
        recent.set(b"a");
        recent.set(b"b");
        let taken = recent.take();
        recent.gone(b"a");
        recent.put_back(taken);
        let changes = recent.take();
        assert!(!is_set(&changes, "a") && is_set(&changes, "b"));
    }

    #[test]
    fn what_was_cleared_does_not_come_back() {
        let mut recent = Recent::new(10);
        recent.set(b"a");
        let taken = recent.take();
        recent.set(b"b");
        let stamp = recent.stamp();
        recent.clear(stamp);
        recent.set(b"c");
        recent.put_back(taken);
        let changes = recent.take();
        assert!(changes.len() == 1 && is_set(&changes, "c"));
    }

    #[test]
    fn stamps_never_repeat() {
        let mut recent = Recent::new(10);
        let stamps: Vec<Stamp> = (0..1000).map(|_| recent.stamp()).collect();
        assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
