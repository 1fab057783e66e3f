//! A log of what became of keys.
//!
//! Every `set` comes by, so that noting one is to append it. Which entries are the newest of their
//! keys is found out when the log is condensed, for many at a time.

use std::collections::HashSet;
use std::ops::Range;

/// When something happened: microseconds of Unix time, strictly increasing within the process.
pub(crate) type Stamp = u64;

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was set.
    Set(Stamp),
    /// It is no more.
    Gone(Stamp),
}

impl Change {
    /// When that was.
    pub(crate) fn stamp(self) -> Stamp {
        match self {
            Change::Set(stamp) | Change::Gone(stamp) => stamp,
        }
    }
}

/// Changes in their order, with keys without the prefix.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Bytes of the keys.
    keys: Vec<u8>,
    /// What became of the key that lies there.
    entries: Vec<(Change, Range<usize>)>,
}

impl Changes {
    /// The changes, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], Change)> {
        self.entries.iter().map(|(change, key)| (&self.keys[key.clone()], *change))
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.keys.clear();
    }

    /// When the oldest was.
    pub(crate) fn oldest(&self) -> Option<Stamp> {
        self.entries.first().map(|(change, _)| change.stamp())
    }

    /// Bytes that the keys take.
    pub(crate) fn keys_len(&self) -> usize {
        self.keys.len()
    }

    /// Appends one that came after all others.
    pub(crate) fn push(&mut self, key: &[u8], change: Change) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.entries.push((change, start..self.keys.len()));
    }

    /// Appends those that came after all others.
    pub(crate) fn append(&mut self, newer: &Changes) {
        newer.iter().for_each(|(key, change)| self.push(key, change));
    }

    /// Forgets those up to `stamp`.
    pub(crate) fn forget_until(&mut self, stamp: Stamp) {
        self.entries.retain(|(change, _)| change.stamp() > stamp);
    }

    /// Takes all of them for so much later.
    pub(crate) fn delay(&mut self, later: Stamp) {
        for (change, _) in &mut self.entries {
            *change = match *change {
                Change::Set(stamp) => Change::Set(stamp + later),
                Change::Gone(stamp) => Change::Gone(stamp + later),
            };
        }
    }

    /// The newest change of each key, and of these the newest `most`.
    pub(crate) fn condensed(&self, most: usize) -> Changes {
        let mut seen = HashSet::with_capacity(most.min(self.len()));
        let newest = self.iter().rev().filter(|(key, _)| seen.insert(*key)).take(most);
        let newest: Vec<_> = newest.collect();
        let mut condensed = Changes {
            keys: Vec::with_capacity(newest.iter().map(|(key, _)| key.len()).sum()),
            entries: Vec::with_capacity(newest.len()),
        };
        newest.into_iter().rev().for_each(|(key, change)| condensed.push(key, change));
        condensed
    }
}
