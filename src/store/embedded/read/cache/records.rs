//! The cache itself: its records, and the changes under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::{Cache as Values, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use smallvec::SmallVec;

use super::known::{Known, SIZE};
use crate::store::embedded::change::changes::Changes;
use crate::store::embedded::format::layout::Record;

/// The bytes that a key and its value take besides their own: their places in the cache, and the
/// overhead of the allocator.
const OVERHEAD: u64 = 160;
/// The number of changed keys that are put in under one lock, so that readers do not wait for all
/// of them.
pub(super) const CHUNK: usize = 64;

/// A stored key. Most keys fit without an allocation of their own.
pub(super) type Key = SmallVec<[u8; 32]>;

/// The number of changes that have begun or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Epoch(u64);

/// The cache of one store.
#[derive(Debug)]
pub(crate) struct Cache(Mutex<State>);

#[derive(Debug)]
pub(super) struct State {
    pub(super) known: Values<Key, Known, Size>,
    epoch: Epoch,
    changing: Changing,
}

/// The keys whose records in the database are about to change.
#[derive(Debug)]
enum Changing {
    Nothing,
    /// These keys.
    Keys(Arc<Changes>),
    /// Any key may change, or there is no database to read.
    Everything,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Size;

impl Weighter<Key, Known> for Size {
    fn weight(&self, key: &Key, known: &Known) -> u64 {
        OVERHEAD + (key.len() + known.len()) as u64
    }
}

/// The locked cache: a view of one moment.
pub(crate) struct Look<'a>(MutexGuard<'a, State>);

impl Look<'_> {
    /// The epoch of the moment.
    pub(crate) fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// What the cache knows of a stored key.
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
    /// An empty cache while there is no database to read.
    pub(crate) fn new() -> Cache {
        let (epoch, changing) = (Epoch::default(), Changing::Everything);
        Cache(Mutex::new(State { known: nothing(), epoch, changing }))
    }

    /// Locks the cache for look-ups.
    pub(crate) fn look(&self) -> Look<'_> {
        Look(self.state())
    }

    /// The epoch. A reader takes it before it takes the database and the snapshot.
    pub(crate) fn epoch(&self) -> Epoch {
        self.state().epoch
    }

    /// What the cache knows of a stored key in a snapshot that was taken after `epoch`.
    pub(crate) fn get(&self, stored: &[u8], epoch: Epoch) -> Option<Known> {
        let state = self.state();
        (state.epoch == epoch).then(|| state.get(stored).cloned()).flatten()
    }

    /// Puts in the record of a snapshot that was taken after `epoch`, if the database still holds
    /// that record.
    pub(crate) fn put(&self, stored: &[u8], epoch: Epoch, record: Option<&Record>) {
        let known = Known::of(record);
        let mut state = self.state();
        if state.epoch == epoch && !state.changing.has(stored) {
            state.known.insert(stored.into(), known);
        }
    }

    /// A change of these keys begins.
    pub(crate) fn begin_change(&self, changes: Arc<Changes>) {
        self.go_on(Changing::Keys(changes));
    }

    /// A change of all keys begins, or the database is taken away from readers.
    pub(crate) fn begin_change_of_all(&self) {
        self.go_on(Changing::Everything);
        let known = std::mem::replace(&mut self.state().known, nothing());
        // The records are freed without the lock.
        drop(known);
    }

    /// The change has ended: the database shows it to every reader that begins now.
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

    /// Puts in the changed records. They are not found before the change has ended.
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
                        // An absent key is worth keeping only if a reader has asked for it.
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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
        // For half as many keys the cache remembers for a while, without their values, that they
        // were asked for.
        .estimated_items_capacity(SIZE / 1024)
        .build()
        .expect("both capacities are given");
    let hasher = DefaultHashBuilder::default();
    Values::with_options(options, Size, hasher, DefaultLifecycle::default())
}
