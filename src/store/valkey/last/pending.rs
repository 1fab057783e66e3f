//! Changes to the index of `last` that are not written to the store yet: which keys were set,
//! and when, and which are gone. In memory only, bounded, and nothing here waits.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::log::{Change, Changes, Stamp};

/// The log is condensed when it has so many times the entries that the index has room for.
const FACTOR: usize = 4;

/// Bytes of keys that the log may have in any case before it is condensed.
const KEYS: usize = 256 * 1024;

/// The changes that wait to be written.
#[derive(Debug)]
pub(crate) struct Pending {
    changes: Changes,
    /// How many keys the index holds.
    depth: usize,
    /// Bytes of keys from which on the log is condensed.
    most_keys: usize,
    newest: Stamp,
    /// Up to here everything was cleared.
    cleared: Stamp,
}

impl Pending {
    /// Keeps the changes of the `depth` keys that changed last, and a few times as many.
    pub(crate) fn new(depth: usize) -> Pending {
        Pending { changes: Changes::default(), depth, most_keys: KEYS, newest: 0, cleared: 0 }
    }

    /// What is noted from here on happens now, or later.
    pub(crate) fn look_at_clock(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        self.newest = self.newest.max(u64::try_from(now).unwrap_or(0));
    }

    /// Notes that `key` was just set.
    pub(crate) fn set(&mut self, key: &[u8]) {
        self.newest += 1;
        self.note(key, Change::Set(self.newest));
    }

    /// Notes that `key` is no more.
    pub(crate) fn gone(&mut self, key: &[u8]) {
        self.newest += 1;
        self.note(key, Change::Gone(self.newest));
    }

    /// Notes that keys were found to be no more, but for those of which something newer is known.
    pub(crate) fn found_gone(&mut self, keys: &[impl AsRef<[u8]>]) {
        let known: HashSet<&[u8]> = self.changes.iter().map(|(key, _)| key).collect();
        let mut gone: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        gone.retain(|key| !known.contains(key));
        for key in gone {
            self.gone(key);
        }
    }

    /// Forgets what happened up to `stamp`, as all keys of that time are gone.
    pub(crate) fn clear(&mut self, stamp: Stamp) {
        self.cleared = stamp;
        self.changes.forget_until(stamp);
    }

    /// The changes to be written: one of each key, as many as the index has room for.
    pub(crate) fn take(&mut self) -> Changes {
        let changes = std::mem::take(&mut self.changes);
        self.most_keys = KEYS;
        changes.condensed(self.depth)
    }

    /// Takes changes back that could not be written. What is newer comes after them.
    pub(crate) fn put_back(&mut self, changes: Changes) {
        let newer = std::mem::replace(&mut self.changes, changes);
        self.clear(self.cleared);
        self.changes.append(&newer);
        self.bound();
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Learns that something happened at `stamp` already: what waits happened after it. A process
    /// whose clock was set back would otherwise write what nobody takes for new.
    pub(crate) fn catch_up(&mut self, stamp: Stamp) {
        let oldest = self.changes.oldest().unwrap_or(self.newest + 1);
        if stamp < oldest {
            return;
        }
        let later = stamp - oldest + 1;
        self.changes.delay(later);
        self.newest += later;
    }

    /// Now, later than ever before, also when the clock steps back.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.look_at_clock();
        self.newest += 1;
        self.newest
    }

    fn note(&mut self, key: &[u8], change: Change) {
        self.changes.push(key, change);
        self.bound();
    }

    /// Condenses the log when it is long, so that each entry is looked at a few times at most.
    fn bound(&mut self) {
        let is_long = self.changes.len() > self.depth.saturating_mul(FACTOR);
        if is_long || self.changes.keys_len() > self.most_keys {
            self.changes = self.changes.condensed(self.depth);
            self.most_keys = KEYS.max(2 * self.changes.keys_len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(changes: &Changes, key: &str) -> Option<Change> {
        let mut of_it = changes.iter().filter(|(name, _)| *name == key.as_bytes());
        let found = of_it.next().map(|(_, change)| change);
        assert!(of_it.next().is_none(), "each key once");
        found
    }

    fn is_set(changes: &Changes, key: &str) -> bool {
        matches!(change(changes, key), Some(Change::Set(_)))
    }

    #[test]
    fn the_newest_survive_the_bound() {
        let mut pending = Pending::new(10);
        for number in 0..1000 {
            pending.set(format!("{number}").as_bytes());
        }
        assert!(pending.changes.len() <= 10 * FACTOR);
        let changes = pending.take();
        assert_eq!(changes.len(), 10);
        assert!((990..1000).all(|number| is_set(&changes, &number.to_string())));
    }

    #[test]
    fn long_keys_and_keys_that_change_again_and_again_are_bounded_too() {
        let mut pending = Pending::new(1000);
        for number in 0..1000 {
            pending.set(format!("{:0>50000}", number % 7).as_bytes());
            pending.gone(b"a");
            pending.set(b"b");
            assert!(pending.changes.keys_len() <= 2 * 7 * 50_001 + 50_000);
        }
        let changes = pending.take();
        assert_eq!(changes.len(), 9);
        assert!(is_set(&changes, "b") && matches!(change(&changes, "a"), Some(Change::Gone(_))));
    }

    #[test]
    fn what_is_found_gone_does_not_hide_what_is_newer() {
        let mut pending = Pending::new(10);
        pending.set(b"a");
        pending.found_gone(&[b"a", b"b"]);
        let changes = pending.take();
        assert!(is_set(&changes, "a"));
        assert!(matches!(change(&changes, "b"), Some(Change::Gone(_))));
    }

    #[test]
    fn what_waits_comes_after_what_is_known_to_have_happened_in_the_same_order() {
        let mut pending = Pending::new(10);
        pending.look_at_clock();
        pending.set(b"a");
        pending.gone(b"b");
        let later = pending.stamp() + 1_000_000;
        pending.catch_up(later);
        let changes = pending.take();
        let stamps: Vec<Stamp> = changes.iter().map(|(_, change)| change.stamp()).collect();
        assert!(change(&changes, "a").is_some_and(|change| change.stamp() == stamps[0]));
        assert!(later < stamps[0] && stamps[0] < stamps[1]);
        assert!(pending.stamp() > stamps[1]);
        let now = pending.stamp();
        pending.catch_up(now - 1000);
        assert!(pending.stamp() < now + 1_000_000, "nothing to catch up with");
    }

    #[test]
    fn what_is_put_back_does_not_hide_what_is_newer() {
        let mut pending = Pending::new(10);
        pending.set(b"a");
        pending.set(b"b");
        let taken = pending.take();
        pending.gone(b"a");
        pending.put_back(taken);
        let changes = pending.take();
        assert!(!is_set(&changes, "a") && is_set(&changes, "b"));
    }

    #[test]
    fn what_was_cleared_does_not_come_back() {
        let mut pending = Pending::new(10);
        pending.set(b"a");
        let taken = pending.take();
        pending.set(b"b");
        let stamp = pending.stamp();
        pending.clear(stamp);
        pending.set(b"c");
        pending.put_back(taken);
        let changes = pending.take();
        assert!(changes.len() == 1 && is_set(&changes, "c"));
    }

    #[test]
    fn stamps_never_repeat() {
        let mut pending = Pending::new(10);
        let stamps: Vec<Stamp> = (0..1000).map(|_| pending.stamp()).collect();
        assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
