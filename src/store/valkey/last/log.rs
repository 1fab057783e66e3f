//! A log of changes to keys.
//!
//! Every `set` adds a change, so adding one only appends it. Which changes are the newest of their
//! keys is found when the log is condensed, for many keys at a time.

use std::collections::HashSet;
use std::ops::Range;

/// The time of a change: microseconds of Unix time, strictly increasing within the process.
pub(crate) type Stamp = u64;

/// A change to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The key was set.
    Set(Stamp),
    /// The key was removed.
    Gone(Stamp),
}

impl Change {
    /// The time of the change.
    pub(crate) fn stamp(self) -> Stamp {
        match self {
            Change::Set(stamp) | Change::Gone(stamp) => stamp,
        }
    }
}

/// Changes in order, with keys as the client names them.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The bytes of all keys.
    keys: Vec<u8>,
    /// Each change, with the range of its key in `keys`.
    entries: Vec<(Change, Range<usize>)>,
}

impl Changes {
    /// The changes, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], Change)> {
        self.entries.iter().map(|(change, key)| (&self.keys[key.clone()], *change))
    }

    /// The number of changes.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all changes.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.keys.clear();
    }

    /// The time of the oldest change.
    pub(crate) fn oldest(&self) -> Option<Stamp> {
        self.entries.first().map(|(change, _)| change.stamp())
    }

    /// The length of all keys together.
    pub(crate) fn keys_len(&self) -> usize {
        self.keys.len()
    }

    /// Appends a change that is newer than all others.
    pub(crate) fn push(&mut self, key: &[u8], change: Change) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.entries.push((change, start..self.keys.len()));
    }

    /// Appends changes that are newer than all others.
    pub(crate) fn append(&mut self, newer: &Changes) {
        newer.iter().for_each(|(key, change)| self.push(key, change));
    }

    /// Removes the changes up to `stamp`.
    pub(crate) fn forget_until(&mut self, stamp: Stamp) {
        self.entries.retain(|(change, _)| change.stamp() > stamp);
    }

    /// Moves the times of all changes forward by `later`.
    pub(crate) fn delay(&mut self, later: Stamp) {
        for (change, _) in &mut self.entries {
            *change = match *change {
                Change::Set(stamp) => Change::Set(stamp + later),
                Change::Gone(stamp) => Change::Gone(stamp + later),
            };
        }
    }

    /// The newest change of each key; of these the newest `most`.
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
