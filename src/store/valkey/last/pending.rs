//! Changes to the index of `last` that are not written to the store yet. In memory only, bounded,
//! and without waits.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::log::{Change, Changes, Stamp};

/// The log is condensed when it has this many times as many entries as the index may hold.
const FACTOR: usize = 4;

/// The log is not condensed for the length of its keys before they have this many bytes.
const KEYS: usize = 256 * 1024;

/// The changes that are not written yet.
#[derive(Debug)]
pub(crate) struct Pending {
    changes: Changes,
    /// The most keys that the index holds.
    depth: usize,
    /// The log is condensed when its keys are longer than this, in bytes.
    most_keys: usize,
    newest: Stamp,
    /// All keys were cleared at this time.
    cleared: Stamp,
}

impl Pending {
    /// Keeps the changes of the newest `depth` keys, and a few times as many.
    pub(crate) fn new(depth: usize) -> Pending {
        Pending { changes: Changes::default(), depth, most_keys: KEYS, newest: 0, cleared: 0 }
    }

    /// Moves the time forward to the clock's.
    pub(crate) fn look_at_clock(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        self.newest = self.newest.max(u64::try_from(now).unwrap_or(0));
    }

    /// Notes that `key` was set.
    pub(crate) fn set(&mut self, key: &[u8]) {
        self.newest += 1;
        self.note(key, Change::Set(self.newest));
    }

    /// Notes that `key` was removed.
    pub(crate) fn gone(&mut self, key: &[u8]) {
        self.newest += 1;
        self.note(key, Change::Gone(self.newest));
    }

    /// Notes that `keys` were found not to exist, except those with a pending change, which is
    /// newer.
    pub(crate) fn found_gone(&mut self, keys: &[impl AsRef<[u8]>]) {
        let known: HashSet<&[u8]> = self.changes.iter().map(|(key, _)| key).collect();
        let mut gone: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        gone.retain(|key| !known.contains(key));
        for key in gone {
            self.gone(key);
        }
    }

    /// Removes the changes up to `stamp`, because all keys were cleared then.
    pub(crate) fn clear(&mut self, stamp: Stamp) {
        self.cleared = stamp;
        self.changes.forget_until(stamp);
    }

    /// Takes the changes to be written: one for each key, at most as many as the index holds.
    pub(crate) fn take(&mut self) -> Changes {
        let changes = std::mem::take(&mut self.changes);
        self.most_keys = KEYS;
        changes.condensed(self.depth)
    }

    /// Puts back changes that could not be written, before the newer ones.
    pub(crate) fn put_back(&mut self, changes: Changes) {
        let newer = std::mem::replace(&mut self.changes, changes);
        self.clear(self.cleared);
        self.changes.append(&newer);
        self.bound();
    }

    /// Whether no change is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Learns the newest stamp in the store, and moves pending changes behind it. Otherwise a
    /// process whose clock was set back would write stamps that are older than those in the store.
    pub(crate) fn catch_up(&mut self, stamp: Stamp) {
        let oldest = self.changes.oldest().unwrap_or(self.newest + 1);
        if stamp < oldest {
            return;
        }
        let later = stamp - oldest + 1;
        self.changes.delay(later);
        self.newest += later;
    }

    /// A new stamp, later than all before, even if the clock steps back.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.look_at_clock();
        self.newest += 1;
        self.newest
    }

    fn note(&mut self, key: &[u8], change: Change) {
        self.changes.push(key, change);
        self.bound();
    }

    /// Condenses the log when it is long. So each entry is copied a few times at most.
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
