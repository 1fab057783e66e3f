//! The order in which keys were set, for `last`: the writer's own picture of the index.
//!
//! Each of the most recently set keys of the store owns a slot, which says when it was set. So
//! setting a key writes one slot and moves nothing, and reading all of it is bounded. Keys of
//! every prefix share the slots, but each part of the store has as many as if it were alone.

use std::collections::{HashMap, VecDeque};

use fjall::{Readable, Slice};

use super::database::Database;
use super::fault::Fault;
use super::layout::{State, recent_entry, split_entry};

/// Void entries of [`Part::by_age`], at most, besides as many as there are others.
const VOID: usize = 64;

/// Slots by key, and in each part by age.
#[derive(Debug, Default)]
pub(super) struct Recent {
    depth: usize,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_key: HashMap<Slice, u32>,
    /// By what the keys of the part begin with.
    by_part: HashMap<Box<[u8]>, Part>,
    /// What stands before the parts' names, if the store has parts.
    parts: Option<Slice>,
    /// Slots to be written with the next commit.
    changed: Vec<u32>,
}

#[derive(Debug, Default)]
struct Slot {
    /// When a key was set, and the key; none while the slot is free.
    entry: Option<(u64, Slice)>,
    is_changed: bool,
}

/// The keys of one part that have a slot.
#[derive(Debug, Default)]
struct Part {
    len: usize,
    /// When keys were set, and their slots, the oldest first. What the slot does not say any more is
    /// void: setting a key again need not look for it here.
    by_age: VecDeque<(u64, u32)>,
}

impl Recent {
    /// Reads the index; what lies beyond `depth` keys is forgotten with the next commit.
    pub(super) fn load(
        database: &Database,
        state: &State,
        depth: usize,
        parts: Option<Slice>,
    ) -> Result<Recent, Fault> {
        let mut recent = Recent { depth, parts, ..Recent::default() };
        let snapshot = database.snapshot();
        let mut found = Vec::new();
        for slot in 0..state.slots {
            recent.slots.push(Slot::default());
            match snapshot.get(&database.recent, slot.to_be_bytes())? {
                None => recent.free.push(slot),
                Some(stored) => {
                    let (sequence, key) = split_entry(&stored)?;
                    found.push((sequence, slot, Slice::from(key)));
                }
            }
        }
        found.sort_unstable_by_key(|(sequence, ..)| *sequence);
        for (sequence, slot, key) in found {
            recent.by_key.insert(key.clone(), slot);
            entry(&mut recent.by_part, part_of(recent.parts.as_deref(), &key)).len += 1;
            recent.fill(slot, sequence, key);
        }
        for part in recent.by_part.keys().cloned().collect::<Vec<_>>() {
            recent.bound(&part, depth);
        }
        Ok(recent)
    }

    /// The picture of an empty index of the same depth.
    pub(super) fn emptied(&self) -> Recent {
        Recent { depth: self.depth, parts: self.parts.clone(), ..Recent::default() }
    }

    /// Notes that `key` was set, `sequence` being greater than any before.
    pub(super) fn set(&mut self, key: &Slice, sequence: u64) {
        if self.depth == 0 {
            return;
        }
        let slot = match self.by_key.get(key) {
            Some(slot) => *slot,
            None => self.allot(key),
        };
        self.note_change(slot);
        self.fill(slot, sequence, key.clone());
    }

    /// Notes that `key` is gone.
    pub(super) fn remove(&mut self, key: &[u8]) {
        if let Some(slot) = self.by_key.get(key) {
            self.vacate(*slot);
        }
    }

    /// Slots that were ever used.
    pub(super) fn slots(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// Whether [`Recent::take_changes`] has any.
    pub(super) fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The slots that changed since the last call, with what they must hold.
    pub(super) fn take_changes(&mut self) -> impl Iterator<Item = (u32, Option<Slice>)> {
        self.changed.drain(..).map(|number| {
            let slot = &mut self.slots[number as usize];
            slot.is_changed = false;
            let entry = slot.entry.as_ref();
            (number, entry.map(|(sequence, key)| recent_entry(*sequence, key)))
        })
    }

    /// A slot for a key that has none, its part's oldest one if there are enough.
    fn allot(&mut self, key: &Slice) -> u32 {
        let parts = self.parts.clone();
        let part = part_of(parts.as_deref(), key);
        self.bound(part, self.depth - 1);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots() - 1
        });
        self.by_key.insert(key.clone(), slot);
        entry(&mut self.by_part, part).len += 1;
        slot
    }

    fn fill(&mut self, slot: u32, sequence: u64, key: Slice) {
        let Recent { slots, by_part, parts, .. } = self;
        let part = entry(by_part, part_of(parts.as_deref(), &key));
        slots[slot as usize].entry = Some((sequence, key));
        part.by_age.push_back((sequence, slot));
        if part.by_age.len() > 2 * part.len + VOID {
            part.by_age.retain(|(sequence, slot)| slots[*slot as usize].is_of(*sequence));
        }
    }

    fn vacate(&mut self, slot: u32) {
        let Some((_, key)) = self.slots[slot as usize].entry.take() else { return };
        self.by_key.remove(&key);
        let part = part_of(self.parts.as_deref(), &key);
        if let Some(ages) = self.by_part.get_mut(part) {
            ages.len -= 1;
            if ages.len == 0 {
                self.by_part.remove(part);
            }
        }
        self.free.push(slot);
        self.note_change(slot);
    }

    fn note_change(&mut self, slot: u32) {
        if !std::mem::replace(&mut self.slots[slot as usize].is_changed, true) {
            self.changed.push(slot);
        }
    }

    /// Forgets the oldest of a part until there are at most `most`.
    fn bound(&mut self, part: &[u8], most: usize) {
        while let Some(ages) = self.by_part.get_mut(part).filter(|ages| ages.len > most)
            && let Some((sequence, slot)) = ages.by_age.pop_front()
        {
            if self.slots[slot as usize].is_of(sequence) {
                self.vacate(slot);
            }
        }
    }
}

impl Slot {
    /// Whether its key was set then.
    fn is_of(&self, sequence: u64) -> bool {
        self.entry.as_ref().is_some_and(|(latest, _)| *latest == sequence)
    }
}

/// The part of this name, for the first time if need be.
fn entry<'a>(by_part: &'a mut HashMap<Box<[u8]>, Part>, name: &[u8]) -> &'a mut Part {
    if !by_part.contains_key(name) {
        by_part.insert(name.into(), Part::default());
    }
    by_part.get_mut(name).expect("it is there")
}

/// The part that a key belongs to: what its key begins with.
fn part_of<'a>(parts: Option<&[u8]>, key: &'a [u8]) -> &'a [u8] {
    let Some(parts) = parts else { return b"" };
    let name = key.strip_prefix(parts).and_then(|name| memchr::memchr(b':', name));
    name.map_or(b"", |end| &key[..=parts.len() + end])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn recent(depth: usize, parts: Option<&str>) -> Recent {
        Recent { depth, parts: parts.map(Slice::from), ..Recent::default() }
    }

    /// The keys that have a slot, in the order in which they were set.
    fn keys(recent: &Recent) -> Vec<Slice> {
        let mut entries: Vec<_> = recent.slots.iter().filter_map(|it| it.entry.clone()).collect();
        entries.sort_unstable();
        entries.into_iter().map(|(_, key)| key).collect()
    }

    #[test]
    fn setting_again_moves_a_key_and_the_oldest_leaves() {
        let mut recent = recent(2, None);
        for (sequence, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            recent.set(&Slice::from(key), sequence);
        }
        assert_eq!(keys(&recent), [b"a", b"c"]);
        assert_eq!(recent.slots(), 2);
        recent.remove(b"a");
        recent.remove(b"never");
        assert_eq!(keys(&recent), [b"c"]);
        recent.set(&Slice::from("d"), 5);
        assert_eq!(recent.slots(), 2);
        assert_eq!(recent.take_changes().count(), 2);
        assert!(!recent.is_changed());
    }

    #[test]
    fn each_part_has_its_own_depth() {
        let mut recent = recent(2, Some("kp"));
        for (sequence, key) in [(1, "kpa:1"), (2, "kpb:1"), (3, "kpb:2"), (4, "kpb:3")] {
            recent.set(&Slice::from(key), sequence);
        }
        assert_eq!(keys(&recent), [&b"kpa:1"[..], b"kpb:2", b"kpb:3"]);
    }

    #[test]
    fn no_depth_keeps_nothing() {
        let mut recent = recent(0, None);
        recent.set(&Slice::from("a"), 1);
        assert!(!recent.is_changed());
    }

    #[test]
    fn a_key_that_is_set_over_and_over_takes_no_more_room() {
        let mut recent = recent(2, None);
        for sequence in 0..10_000 {
            recent.set(&Slice::from("a"), sequence);
        }
        assert_eq!(recent.take_changes().count(), 1);
        assert!(recent.by_part[&b""[..]].by_age.len() <= 3 + VOID);
    }

    /// What is done to the index.
    #[derive(Debug, Clone)]
    enum Step {
        Set(u8),
        Remove(u8),
        Commit,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0_u8..24).prop_map(Step::Set),
            2 => (0_u8..24).prop_map(Step::Remove),
            1 => Just(Step::Commit),
        ]
    }

    proptest! {
        #[test]
        fn what_is_committed_is_what_a_plain_list_has(
            depth in 1_usize..6,
            has_parts: bool,
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let mut recent = recent(depth, has_parts.then_some("k"));
            let name = |key: u8| format!("k{}:{key}", key % 3);
            let part = |key: u8| if has_parts { key % 3 } else { 0 };
            let (mut plain, mut committed) = (Vec::<u8>::new(), BTreeMap::new());
            for (sequence, step) in (1..).zip(steps.into_iter().chain([Step::Commit])) {
                match step {
                    Step::Set(key) => {
                        recent.set(&Slice::from(name(key)), sequence);
                        plain.retain(|other| *other != key);
                        plain.push(key);
                        let same: Vec<u8> =
                            plain.iter().copied().filter(|it| part(*it) == part(key)).collect();
                        let oldest = (same.len() > depth).then_some(same[0]);
                        plain.retain(|other| Some(*other) != oldest);
                    }
                    Step::Remove(key) => {
                        recent.remove(name(key).as_bytes());
                        plain.retain(|other| *other != key);
                    }
                    Step::Commit => {
                        for (slot, entry) in recent.take_changes() {
                            prop_assert!(slot < 3 * 6);
                            match entry {
                                Some(entry) => committed.insert(slot, entry),
                                None => committed.remove(&slot),
                            };
                        }
                        prop_assert!(committed.keys().all(|slot| *slot < recent.slots()));
                        let mut found: Vec<_> =
                            committed.values().filter_map(|it| split_entry(it).ok()).collect();
                        found.sort_unstable();
                        let found: Vec<&[u8]> = found.into_iter().map(|(_, key)| key).collect();
                        let expected: Vec<String> = plain.iter().map(|key| name(*key)).collect();
                        let expected: Vec<&[u8]> =
                            expected.iter().map(String::as_bytes).collect();
                        prop_assert_eq!(found, expected);
                    }
                }
            }
        }
    }
}
