//! The order in which keys were set, for `last`: the writer's own picture of the index.
//!
//! Each of the most recently set keys of the store owns a slot, which says when it was set. So
//! setting a key writes one slot and moves nothing, and reading all of it is bounded. Keys of
//! every prefix share the slots.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use fjall::Readable;

use super::database::Database;
use super::fault::Fault;
use super::layout::{State, recent_entry, split_entry};

/// Slots by key, keys by age.
#[derive(Debug, Default)]
pub(super) struct Recent {
    depth: usize,
    allotted: u32,
    free: Vec<u32>,
    entries: HashMap<Bytes, Entry>,
    by_age: BTreeMap<u64, Bytes>,
    /// What each changed slot must hold from the next commit on.
    changed: BTreeMap<u32, Option<(u64, Bytes)>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: u32,
    sequence: u64,
}

impl Recent {
    /// Reads the index; what lies beyond `depth` keys is forgotten with the next commit.
    pub(super) fn load(database: &Database, state: &State, depth: usize) -> Result<Recent, Fault> {
        let depth = depth.min(u32::MAX as usize);
        let mut recent = Recent { depth, allotted: state.slots, ..Recent::default() };
        let snapshot = database.snapshot();
        for slot in 0..state.slots {
            match snapshot.get(&database.recent, slot.to_be_bytes())? {
                None => recent.free.push(slot),
                Some(stored) => {
                    let (sequence, key) = split_entry(&stored)?;
                    recent.insert(Bytes::copy_from_slice(key), Entry { slot, sequence });
                }
            }
        }
        while recent.entries.len() > depth {
            recent.forget_oldest();
        }
        Ok(recent)
    }

    /// The picture of an empty index of the same depth.
    pub(super) fn emptied(&self) -> Recent {
        Recent { depth: self.depth, ..Recent::default() }
    }

    /// Notes that `key` was set, `sequence` being greater than any before.
    pub(super) fn set(&mut self, key: &Bytes, sequence: u64) {
        if self.depth == 0 {
            return;
        }
        self.remove(key);
        if self.entries.len() >= self.depth {
            self.forget_oldest();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.allotted += 1;
            self.allotted - 1
        });
        self.changed.insert(slot, Some((sequence, key.clone())));
        self.insert(key.clone(), Entry { slot, sequence });
    }

    /// Notes that `key` is gone.
    pub(super) fn remove(&mut self, key: &[u8]) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_age.remove(&entry.sequence);
            self.free.push(entry.slot);
            self.changed.insert(entry.slot, None);
        }
    }

    /// Slots that were ever used.
    pub(super) fn slots(&self) -> u32 {
        self.allotted
    }

    /// Whether [`Recent::take_changes`] has any.
    pub(super) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The slots that changed since the last call, with what they must hold.
    pub(super) fn take_changes(&mut self) -> impl Iterator<Item = (u32, Option<Vec<u8>>)> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .map(|(slot, entry)| (slot, entry.map(|(sequence, key)| recent_entry(sequence, &key))))
    }

    fn insert(&mut self, key: Bytes, entry: Entry) {
        self.by_age.insert(entry.sequence, key.clone());
        self.entries.insert(key, entry);
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.first_key_value() {
            let key = key.clone();
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(recent: &Recent) -> Vec<&[u8]> {
        recent.by_age.values().map(|key| &key[..]).collect()
    }

    #[test]
    fn setting_again_moves_a_key_and_the_oldest_leaves() {
        let mut recent = Recent { depth: 2, ..Recent::default() };
        for (sequence, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            recent.set(&Bytes::from(key), sequence);
        }
        assert_eq!(keys(&recent), [b"a", b"c"]);
        assert_eq!(recent.slots(), 2);
        recent.remove(b"a");
        recent.remove(b"never");
        assert_eq!(keys(&recent), [b"c"]);
        recent.set(&Bytes::from("d"), 5);
        assert_eq!(recent.slots(), 2);
        assert_eq!(recent.take_changes().count(), 2);
        assert!(!recent.is_changed());
    }

    #[test]
    fn no_depth_keeps_nothing() {
        let mut recent = Recent::default();
        recent.set(&Bytes::from("a"), 1);
        assert!(!recent.is_changed());
    }
}
