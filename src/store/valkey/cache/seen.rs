//! A set of keys that were read lately, of constant size.

use std::hash::{BuildHasher, RandomState};

/// One mark of a hash for each slot. A new key replaces the one that shares its slot.
#[derive(Debug)]
pub(super) struct Seen {
    marks: Box<[u32]>,
    hasher: RandomState,
}

impl Seen {
    /// An empty set of `count` slots.
    pub(super) fn new(count: usize) -> Seen {
        Seen { marks: vec![0; count].into(), hasher: RandomState::new() }
    }

    /// Adds `key`. True if the key was in the set, or, rarely, another key with the same mark.
    pub(super) fn insert(&mut self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        let (place, mark) = (hash & u64::from(u32::MAX), (hash >> 32) as u32);
        let count = self.marks.len().max(1) as u64;
        let place = usize::try_from(place % count).unwrap_or(0);
        self.marks.get_mut(place).is_some_and(|seen| std::mem::replace(seen, mark) == mark)
    }

    /// The bytes of the slots.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.marks)
    }
}
