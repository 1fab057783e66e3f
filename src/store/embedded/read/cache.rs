//! Records that were asked for lately, each with its value and its expiry: a look here costs a small
//! part of what the database takes. Keys that are absent are known as such.
//!
//! What is found here is what the database has for those who read it now. The writer tells before a
//! commit what it changes, of which nothing is found until the commit can be seen; then what it has
//! written comes in. A reader brings in what it read if no change has begun or ended since before it
//! took its snapshot; by the same rule, a record that is found is the one of the reader's snapshot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quick_cache::unsync::{Cache as Values, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use smallvec::SmallVec;

use crate::store::embedded::change::changes::{Change, Changes};
use crate::store::embedded::format::layout::Record;

/// Bytes of records, with what is needed to find them.
const SIZE: usize = 24 * 1024 * 1024;
/// The longest value that is kept: reading another one takes a millisecond or more.
const LONGEST: usize = SIZE / 32;
/// The longest value that comes in when it is written, before anybody asked for it.
const LONGEST_WRITTEN: usize = 4 * 1024;
/// What a key and its value take besides their bytes: their places in the cache, and what the
/// allocator adds.
const OVERHEAD: u64 = 160;
/// Changed keys that come in at a time, so that readers do not wait for all of them.
const CHUNK: usize = 64;

/// A stored key; most are where they are looked for, and not in an allocation of their own.
type Key = SmallVec<[u8; 32]>;

/// The changes that have begun, and those that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Epoch(u64);

/// The records of one store.
#[derive(Debug)]
pub(crate) struct Cache(Mutex<State>);

#[derive(Debug)]
struct State {
    known: Values<Key, Known, Size>,
    epoch: Epoch,
    changing: Changing,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// There is no such key.
    Absent,
    /// Its record, expired or not.
    Present(Record),
    /// It has a record, which is too long to be kept here.
    Long,
}

impl Known {
    fn of(record: Option<&Record>) -> Known {
        match record {
            None => Known::Absent,
            Some(record) if record.value.len() > LONGEST => Known::Long,
            // A copy, since the value may be a part of something larger.
            Some(Record { expires, value }) => {
                let value = Bytes::copy_from_slice(value);
                Known::Present(Record { expires: *expires, value })
            }
        }
    }

    /// What is known of a key that was changed, if that is to be kept.
    fn of_changed(change: &Change) -> Option<Known> {
        match change.after.as_ref() {
            Some(record) if (LONGEST_WRITTEN + 1..=LONGEST).contains(&record.value.len()) => None,
            record => Some(Known::of(record)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Known::Present(record) => record.value.len(),
            Known::Absent | Known::Long => 0,
        }
    }
}

/// What the database may soon have another record of.
#[derive(Debug)]
enum Changing {
    Nothing,
    /// These keys.
    Keys(Arc<Changes>),
    /// Any, or there is no database to read.
    Everything,
}

#[derive(Debug, Clone, Copy)]
struct Size;

impl Weighter<Key, Known> for Size {
    fn weight(&self, key: &Key, known: &Known) -> u64 {
        OVERHEAD + (key.len() + known.len()) as u64
    }
}

/// A look at the records of one moment.
pub(crate) struct Look<'a>(MutexGuard<'a, State>);

impl Look<'_> {
    /// The moment.
    pub(crate) fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// What is known of a stored key.
    pub(crate) fn get(&self, stored: &[u8]) -> Option<&Known> {
        self.0.get(stored)
    }
}

impl State {
    fn get(&self, stored: &[u8]) -> Option<&Known> {
        if self.changing.has(stored) { None } else { self.known.get(stored) }
    }
}

impl Cache {
    /// An empty one, while there is no database to read.
    pub(crate) fn new() -> Cache {
        let (epoch, changing) = (Epoch::default(), Changing::Everything);
        Cache(Mutex::new(State { known: nothing(), epoch, changing }))
    }

    /// A look at what is known now.
    pub(crate) fn look(&self) -> Look<'_> {
        Look(self.state())
    }

    /// To be asked before the database, and then its snapshot, is taken from which records come.
    pub(crate) fn epoch(&self) -> Epoch {
        self.state().epoch
    }

    /// What is known of a stored key in a snapshot that was taken after `epoch`.
    pub(crate) fn get(&self, stored: &[u8], epoch: Epoch) -> Option<Known> {
        let state = self.state();
        (state.epoch == epoch).then(|| state.get(stored).cloned()).flatten()
    }

    /// Brings in what a snapshot has that was taken after `epoch`, if the database still has it.
    pub(crate) fn put(&self, stored: &[u8], epoch: Epoch, record: Option<&Record>) {
        let known = Known::of(record);
        let mut state = self.state();
        if state.epoch == epoch && !state.changing.has(stored) {
            state.known.insert(stored.into(), known);
        }
    }

    /// The database will have other records of these keys.
    pub(crate) fn begin_change(&self, changes: Arc<Changes>) {
        self.go_on(Changing::Keys(changes));
    }

    /// The database will have other records of any keys, or there will be none to read.
    pub(crate) fn begin_change_of_all(&self) {
        self.go_on(Changing::Everything);
        let known = std::mem::replace(&mut self.state().known, nothing());
        // Not while others wait for the lock.
        drop(known);
    }

    /// All who turn to the database from now on see what has changed.
    pub(crate) fn end_change(&self) {
        let changed = match &self.state().changing {
            Changing::Keys(changes) => Some(Arc::clone(changes)),
            Changing::Nothing | Changing::Everything => None,
        };
        if let Some(changes) = changed {
            self.bring_in(&changes);
        }
        self.go_on(Changing::Nothing);
    }

    /// Nothing of it is found before the change has ended.
    fn bring_in(&self, changes: &Changes) {
        let mut changes = changes.iter().map(|(key, change)| (key, Known::of_changed(change)));
        loop {
            let chunk: SmallVec<[_; CHUNK]> = changes.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return;
            }
            let mut state = self.state();
            for (key, known) in chunk {
                match known {
                    Some(known @ Known::Absent) => {
                        // Of no use unless somebody has asked for it.
                        let _ = state.known.replace((&key[..]).into(), known, true);
                    }
                    Some(known) => state.known.insert((&key[..]).into(), known),
                    None => drop(state.known.remove(&key[..])),
                }
            }
        }
    }

    fn go_on(&self, changing: Changing) {
        let mut state = self.state();
        state.epoch.0 += 1;
        let before = std::mem::replace(&mut state.changing, changing);
        drop(state);
        drop(before);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changing {
    fn has(&self, stored: &[u8]) -> bool {
        match self {
            Changing::Nothing => false,
            Changing::Keys(changes) => changes.contains_key(stored),
            Changing::Everything => true,
        }
    }
}

fn nothing() -> Values<Key, Known, Size> {
    let options = OptionsBuilder::new()
        .weight_capacity(SIZE as u64)
        // Of half as many it remembers for a while that they were asked for, without their values.
        .estimated_items_capacity(SIZE / 1024)
        .build()
        .expect("both capacities are given");
    let hasher = DefaultHashBuilder::default();
    Values::with_options(options, Size, hasher, DefaultLifecycle::default())
}

#[cfg(test)]
mod tests {
    use fjall::Slice;

    use super::*;
    use crate::store::embedded::change::changes::Committed;

    fn record(value: &'static str) -> Record {
        Record { expires: Some(7), value: Bytes::from_static(value.as_bytes()) }
    }

    fn present(value: &'static str) -> Known {
        Known::Present(record(value))
    }

    /// One that can be read, with nothing in it.
    fn cache() -> Cache {
        let cache = Cache::new();
        cache.end_change();
        cache
    }

    /// Of each key the record that it gets, or none.
    fn changes(changes: &[(&str, Option<Record>)]) -> Arc<Changes> {
        let change =
            |after: &Option<Record>| Change { before: Committed::Absent, after: after.clone() };
        Arc::new(changes.iter().map(|(key, after)| (Slice::from(*key), change(after))).collect())
    }

    #[test]
    fn what_was_read_is_found_and_so_is_what_is_absent() {
        let cache = cache();
        let epoch = cache.epoch();
        assert_eq!(cache.get(b"a", epoch), None);
        cache.put(b"a", epoch, Some(&record("1")));
        cache.put(b"b", epoch, None);
        assert_eq!(cache.get(b"a", epoch), Some(present("1")));
        assert_eq!(cache.get(b"b", epoch), Some(Known::Absent));
        assert_eq!(cache.look().get(b"a"), Some(&present("1")));
        assert_eq!(cache.look().get(b"b"), Some(&Known::Absent));
        assert_eq!(cache.look().get(b"c"), None);
    }

    #[test]
    fn what_was_read_before_a_change_began_or_ended_does_not_come_in() {
        let cache = cache();
        let before = cache.epoch();
        cache.begin_change(changes(&[("a", None)]));
        cache.put(b"a", before, Some(&record("old")));
        cache.put(b"b", before, Some(&record("old")));
        let meanwhile = cache.epoch();
        cache.put(b"a", meanwhile, Some(&record("old")));
        assert_eq!(cache.look().get(b"a"), None);
        assert_eq!(cache.look().get(b"b"), None);
        cache.end_change();
        for epoch in [before, meanwhile] {
            cache.put(b"a", epoch, Some(&record("old")));
            assert_eq!(cache.look().get(b"a"), None, "{epoch:?}");
        }
        cache.put(b"a", cache.epoch(), Some(&record("new")));
        assert_eq!(cache.look().get(b"a"), Some(&present("new")));
    }

    #[test]
    fn a_change_hides_its_keys_and_lets_others_in() {
        let cache = cache();
        let before = cache.epoch();
        for key in ["a", "b", "c"] {
            cache.put(key.as_bytes(), before, Some(&record("1")));
        }
        cache.begin_change(changes(&[("a", Some(record("2"))), ("c", None), ("e", None)]));
        for (key, found) in [(&b"a"[..], false), (b"b", true), (b"c", false)] {
            assert_eq!(cache.look().get(key).is_some(), found);
        }
        let meanwhile = cache.epoch();
        cache.put(b"d", meanwhile, Some(&record("1")));
        assert!(cache.look().get(b"d").is_some());
        assert_eq!(cache.get(b"b", before), None, "perhaps not what an older snapshot has");
        assert!(cache.get(b"b", meanwhile).is_some());
        cache.end_change();
        let after = cache.epoch();
        assert_eq!(cache.get(b"a", after), Some(present("2")));
        assert_eq!(cache.get(b"b", after), Some(present("1")));
        assert_eq!(cache.get(b"c", after), Some(Known::Absent));
        assert_eq!(cache.get(b"e", after), None, "nobody has asked for it");
        assert_eq!(cache.get(b"a", meanwhile), None, "not what an older snapshot has");
    }

    #[test]
    fn a_change_that_never_ends_is_never_found() {
        let cache = cache();
        cache.put(b"a", cache.epoch(), Some(&record("1")));
        cache.begin_change(changes(&[("a", Some(record("2"))), ("b", Some(record("2")))]));
        cache.begin_change_of_all();
        cache.end_change();
        assert_eq!(cache.look().get(b"a"), None);
        assert_eq!(cache.look().get(b"b"), None);
    }

    #[test]
    fn while_everything_changes_nothing_is_there_and_nothing_comes_in() {
        let cache = cache();
        cache.put(b"a", cache.epoch(), Some(&record("1")));
        cache.begin_change_of_all();
        let meanwhile = cache.epoch();
        cache.put(b"b", meanwhile, Some(&record("1")));
        cache.end_change();
        cache.put(b"c", meanwhile, Some(&record("1")));
        for key in [b"a", b"b", b"c"] {
            assert_eq!(cache.look().get(key), None);
        }
        let fresh = Cache::new();
        fresh.put(b"a", fresh.epoch(), None);
        assert_eq!(fresh.look().get(b"a"), None, "there is no database yet");
    }

    #[test]
    fn a_change_of_many_keys_hides_and_brings_in_all_of_them() {
        let cache = cache();
        let many: Vec<String> = (0..=3 * CHUNK).map(|n| format!("{n:05}")).collect();
        for key in &many {
            cache.put(key.as_bytes(), cache.epoch(), None);
        }
        let all: Vec<_> = many.iter().map(|key| (&key[..], Some(record("1")))).collect();
        cache.begin_change(changes(&all));
        let found = |key: &String| cache.look().get(key.as_bytes()).cloned();
        assert!(many.iter().all(|key| found(key).is_none()));
        cache.end_change();
        assert!(many.iter().all(|key| found(key) == Some(present("1"))));
    }

    #[test]
    fn of_a_value_that_was_written_nothing_or_its_length_is_known_until_it_is_read() {
        let cache = cache();
        cache.put(b"a", cache.epoch(), Some(&record("1")));
        let value = Bytes::from(vec![b'x'; LONGEST_WRITTEN + 1]);
        let long = Record { expires: None, value };
        cache.begin_change(changes(&[("a", Some(long.clone())), ("b", Some(long))]));
        cache.end_change();
        assert_eq!(cache.look().get(b"a"), None);
        assert_eq!(cache.look().get(b"b"), None);
        let long = Record { expires: None, value: Bytes::from(vec![b'x'; LONGEST + 1]) };
        cache.begin_change(changes(&[("a", Some(long))]));
        cache.end_change();
        assert_eq!(cache.look().get(b"a"), Some(&Known::Long), "read beside the serving thread");
    }

    #[test]
    fn it_is_bounded_and_of_long_values_it_knows_that_they_are_long() {
        let cache = cache();
        let value = Bytes::from(vec![b'x'; 64 * 1024]);
        let record = Record { expires: None, value };
        for number in 0..2 * SIZE / record.value.len() {
            cache.put(number.to_string().as_bytes(), cache.epoch(), Some(&record));
        }
        let state = cache.state();
        assert!(state.known.len() > SIZE / record.value.len() / 2, "{}", state.known.len());
        assert!(state.known.weight() <= SIZE as u64, "{}", state.known.weight());
        drop(state);
        let record = Record { expires: None, value: Bytes::from(vec![b'x'; LONGEST + 1]) };
        cache.put(b"long", cache.epoch(), Some(&record));
        assert_eq!(cache.look().get(b"long"), Some(&Known::Long));
    }
}
