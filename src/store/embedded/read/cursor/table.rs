//! The cursors that clients may come back with. Each key space and user has a bounded table, so
//! that one user's iterations push out no cursor of another user.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_bytes::ByteBuf;

/// The most cursors in one table. Past it, the cursor that was unused for longest is forgotten.
const MAX_CURSORS: usize = 4096;
/// The most bytes of one table.
const MAX_BYTES: usize = 1024 * 1024;
/// The most bytes of all tables. Past it, the largest table forgets cursors.
const MAX_TOTAL: usize = 16 * 1024 * 1024;
/// The bytes of a cursor besides its key.
const OVERHEAD: usize = 128;

/// The owner of a table: the key space, and the user; no user for kvsock itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    /// See [`crate::store::embedded::format::scope::Scope::stored_prefix`].
    pub(crate) key_space: Bytes,
    /// The user whose client iterates.
    pub(crate) uid: Option<u32>,
}

/// The stored form of a table: key space, user, and numbers with their keys in order of use.
type Stored = (ByteBuf, Option<u32>, Vec<(u64, ByteBuf)>);

/// All tables.
#[derive(Default)]
pub(crate) struct Cursors(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    by_owner: HashMap<Owner, Table>,
    bytes: usize,
    /// Whether a cursor was added since the tables were restored.
    has_changed: bool,
}

#[derive(Default)]
struct Table {
    by_number: HashMap<u64, Cursor>,
    /// The numbers, the one that was unused for longest first.
    by_use: BTreeMap<u64, u64>,
    uses: u64,
    bytes: usize,
}

struct Cursor {
    key: Bytes,
    used: u64,
}

impl Table {
    /// A number for `key`. Equal keys get the same number, so that iterations at one place share a
    /// cursor.
    fn add(&mut self, key: Bytes) -> u64 {
        let mut number = number_of(&key);
        while number == 0 || self.by_number.get(&number).is_some_and(|other| other.key != key) {
            number = number.wrapping_add(1);
        }
        self.put(number, key);
        while self.by_number.len() > MAX_CURSORS || self.bytes > MAX_BYTES {
            self.forget_one();
        }
        number
    }

    fn put(&mut self, number: u64, key: Bytes) {
        self.uses += 1;
        self.by_use.insert(self.uses, number);
        self.bytes += OVERHEAD + key.len();
        let cursor = Cursor { key, used: self.uses };
        if let Some(before) = self.by_number.insert(number, cursor) {
            self.by_use.remove(&before.used);
            self.bytes -= OVERHEAD + before.key.len();
        }
    }

    fn get(&mut self, number: u64) -> Option<Bytes> {
        let key = self.by_number.get(&number)?.key.clone();
        self.put(number, key.clone());
        Some(key)
    }

    fn forget_one(&mut self) {
        let Some((_, number)) = self.by_use.pop_first() else { return };
        let cursor = self.by_number.remove(&number);
        self.bytes -= cursor.map_or(0, |cursor| OVERHEAD + cursor.key.len());
    }
}

impl Tables {
    /// Forgets cursors of the largest table until all tables fit. A small table loses no cursor to
    /// a large one.
    fn fit(&mut self) {
        while self.bytes > MAX_TOTAL {
            let Some(largest) = self.by_owner.values_mut().max_by_key(|table| table.bytes) else {
                return;
            };
            self.bytes -= largest.bytes;
            largest.forget_one();
            self.bytes += largest.bytes;
        }
        self.by_owner.retain(|_, table| table.bytes > 0);
    }
}

impl Cursors {
    /// A number that stands for `key`.
    pub(crate) fn add(&self, owner: &Owner, key: Bytes) -> u64 {
        let mut tables = self.tables();
        tables.has_changed = true;
        if !tables.by_owner.contains_key(owner) {
            tables.by_owner.insert(owner.clone(), Table::default());
        }
        let table = tables.by_owner.get_mut(owner).expect("it is there");
        let before = table.bytes;
        let number = table.add(key);
        let after = table.bytes;
        tables.bytes = tables.bytes + after - before;
        if tables.bytes > MAX_TOTAL {
            tables.fit();
        }
        number
    }

    /// The key that a number stands for, if the number is remembered.
    pub(crate) fn get(&self, owner: &Owner, number: u64) -> Option<Bytes> {
        self.tables().by_owner.get_mut(owner)?.get(number)
    }

    /// The tables in their stored form, for the next process; `None` if nothing changed since
    /// [`Cursors::restore`].
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        let tables = self.tables();
        let stored = tables.by_owner.iter().map(|(owner, table)| -> Stored {
            let cursors = table.by_use.values().filter_map(|number| {
                let key = &table.by_number.get(number)?.key;
                Some((*number, ByteBuf::from(&key[..])))
            });
            (ByteBuf::from(&owner.key_space[..]), owner.uid, cursors.collect())
        });
        if !tables.has_changed {
            return None;
        }
        rmp_serde::to_vec(&stored.collect::<Vec<_>>()).ok()
    }

    /// Restores the tables that the process before saved. Malformed tables are ignored.
    pub(crate) fn restore(&self, saved: &[u8]) {
        let stored: Vec<Stored> = rmp_serde::from_slice(saved).unwrap_or_default();
        let mut tables = self.tables();
        for (key_space, uid, cursors) in stored {
            let mut table = Table::default();
            for (number, key) in cursors {
                table.put(number, key.into_vec().into());
            }
            tables.bytes += table.bytes;
            tables.by_owner.insert(Owner { key_space: key_space.into_vec().into(), uid }, table);
        }
        tables.fit();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number_of(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(key_space: &'static str, uid: u32) -> Owner {
        Owner { key_space: key_space.into(), uid: Some(uid) }
    }

    fn key(number: usize) -> Bytes {
        format!("key{number}").into()
    }

    #[test]
    fn the_cursor_unused_for_longest_is_forgotten() {
        let (cursors, owner) = (Cursors::default(), owner("k", 1));
        let (used, unused) = (cursors.add(&owner, key(0)), cursors.add(&owner, key(1)));
        for number in 2..=MAX_CURSORS {
            cursors.add(&owner, key(number));
            assert_eq!(cursors.get(&owner, used), Some(key(0)));
        }
        assert_eq!(cursors.get(&owner, unused), None);
    }

    #[test]
    fn iterations_at_one_place_share_a_cursor() {
        let (cursors, owner) = (Cursors::default(), owner("k", 1));
        let number = cursors.add(&owner, key(0));
        assert!(number != 0 && (0..10_000).all(|_| cursors.add(&owner, key(0)) == number));
        assert_eq!(cursors.tables().bytes, OVERHEAD + key(0).len());
    }

    #[test]
    fn neither_another_user_nor_another_key_space_finds_a_cursor_or_takes_its_place() {
        let cursors = Cursors::default();
        let mine = cursors.add(&owner("k", 1), key(0));
        for other in [owner("k", 2), owner("ku:", 1)] {
            assert_eq!(cursors.get(&other, mine), None);
            for number in 1..=2 * MAX_CURSORS {
                cursors.add(&other, key(number));
            }
        }
        assert_eq!(cursors.get(&owner("k", 1), mine), Some(key(0)));
    }

    #[test]
    fn all_tables_together_are_bounded_and_small_ones_lose_nothing() {
        let cursors = Cursors::default();
        let small = cursors.add(&owner("k", 0), key(0));
        let long = "x".repeat(60_000);
        for uid in 1..30 {
            for number in 0..20 {
                cursors.add(&owner("k", uid), format!("{long}{number}").into());
            }
        }
        let tables = cursors.tables();
        assert!(tables.bytes <= MAX_TOTAL && tables.bytes > MAX_TOTAL - MAX_BYTES);
        assert_eq!(tables.bytes, tables.by_owner.values().map(|table| table.bytes).sum::<usize>());
        assert!(tables.by_owner.values().all(|table| table.bytes <= MAX_BYTES));
        drop(tables);
        assert_eq!(cursors.get(&owner("k", 0), small), Some(key(0)));
    }

    #[test]
    fn cursors_are_known_to_the_next_process() {
        let cursors = Cursors::default();
        assert_eq!(cursors.save(), None, "nothing to tell");
        let number = cursors.add(&owner("ku:", 7), key(0));
        let saved = cursors.save().expect("something to tell");
        let next = Cursors::default();
        next.restore(&saved);
        assert_eq!(next.get(&owner("ku:", 7), number), Some(key(0)));
        assert_eq!(next.save(), None, "nothing new to tell");
        assert_eq!(next.add(&owner("ku:", 7), key(0)), number);
        let other = Cursors::default();
        other.restore(&saved[1..]);
        assert!(other.tables().by_owner.is_empty());
    }
}
