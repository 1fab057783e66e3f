//! The order in which keys were set, for `last`: the writer's own picture of the index.
//!
//! Each of the most recently set keys of the store owns a slot, which says when it was set. So
//! setting a key writes one slot and moves nothing, and reading all of it is bounded. Keys of
//! every prefix share the slots, but each part of the store has as many as if it were alone.

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
    /// By part, which is the beginning of its keys, and by age.
    by_age: HashMap<Bytes, BTreeMap<u64, Bytes>>,
    /// What stands before the parts' names, if the store has parts.
    parts: Option<Bytes>,
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
    pub(super) fn load(
        database: &Database,
        state: &State,
        depth: usize,
        parts: Option<Bytes>,
    ) -> Result<Recent, Fault> {
        let depth = depth.min(u32::MAX as usize);
        let mut recent = Recent { depth, allotted: state.slots, parts, ..Recent::default() };
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
        for part in recent.by_age.keys().cloned().collect::<Vec<_>>() {
            recent.bound(&part, depth);
        }
        Ok(recent)
    }

    /// The picture of an empty index of the same depth.
    pub(super) fn emptied(&self) -> Recent {
        Recent { depth: self.depth, parts: self.parts.clone(), ..Recent::default() }
    }

    /// Notes that `key` was set, `sequence` being greater than any before.
    pub(super) fn set(&mut self, key: &Bytes, sequence: u64) {
        if self.depth == 0 {
            return;
        }
        self.remove(key);
        self.bound(&self.part_of(key), self.depth - 1);
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
            let part = self.part_of(key);
            if let Some(ages) = self.by_age.get_mut(&part) {
                ages.remove(&entry.sequence);
                if ages.is_empty() {
                    self.by_age.remove(&part);
                }
            }
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
        let part = self.part_of(&key);
        self.by_age.entry(part).or_default().insert(entry.sequence, key.clone());
        self.entries.insert(key, entry);
    }

    /// Forgets the oldest of a part until there are at most `most`.
    fn bound(&mut self, part: &Bytes, most: usize) {
        while let Some(ages) = self.by_age.get(part).filter(|ages| ages.len() > most)
            && let Some((_, key)) = ages.first_key_value()
        {
            let key = key.clone();
            self.remove(&key);
        }
    }

    /// The part that a key belongs to: what its key begins with.
    fn part_of(&self, key: &[u8]) -> Bytes {
        let Some(parts) = &self.parts else { return Bytes::new() };
        let name = key.strip_prefix(&parts[..]).and_then(|name| memchr::memchr(b':', name));
        name.map_or_else(Bytes::new, |end| Bytes::copy_from_slice(&key[..=parts.len() + end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(recent: &Recent) -> Vec<&[u8]> {
        recent.by_age.values().flat_map(BTreeMap::values).map(|key| &key[..]).collect()
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
    fn each_part_has_its_own_depth() {
        let parts = Some(Bytes::from("kp"));
        let mut recent = Recent { depth: 2, parts, ..Recent::default() };
        for (sequence, key) in [(1, "kpa:1"), (2, "kpb:1"), (3, "kpb:2"), (4, "kpb:3")] {
            recent.set(&Bytes::from(key), sequence);
        }
        let mut left = keys(&recent);
        left.sort_unstable();
        assert_eq!(left, [&b"kpa:1"[..], b"kpb:2", b"kpb:3"]);
    }

    #[test]
    fn no_depth_keeps_nothing() {
        let mut recent = Recent::default();
        recent.set(&Bytes::from("a"), 1);
        assert!(!recent.is_changed());
    }
}
