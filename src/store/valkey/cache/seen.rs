//! Remembers which keys were asked for lately, in constant memory.

use std::hash::{BuildHasher, RandomState};

/// Keys that were asked for lately, by marks of their hashes: a new one takes the place of another.
#[derive(Debug)]
pub(super) struct Seen {
    marks: Box<[u32]>,
    hasher: RandomState,
}

impl Seen {
    /// Room for so many keys.
    pub(super) fn new(count: usize) -> Seen {
        Seen { marks: vec![0; count].into(), hasher: RandomState::new() }
    }

    /// Remembers `key`; true if it was so already, or, rarely, another key with the same mark.
    pub(super) fn insert(&mut self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        let (place, mark) = (hash & u64::from(u32::MAX), (hash >> 32) as u32);
        let count = self.marks.len().max(1) as u64;
        let place = usize::try_from(place % count).unwrap_or(0);
        self.marks.get_mut(place).is_some_and(|seen| std::mem::replace(seen, mark) == mark)
    }

    /// Bytes that the marks take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.marks)
    }
}
