//! The values that one connection knows.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quick_cache::unsync::{Cache as Values, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::figures::Figures;
use super::seen::Seen;
use crate::message::Reply;

/// For how long the server may have said nothing before it is asked again: a connection that has
/// died in silence must not be taken for one on which nothing changes.
pub(super) const SILENCE: Duration = Duration::from_secs(1);

/// What a key and its value take besides their bytes: their places in the cache, and what the
/// allocator adds.
const OVERHEAD: u64 = 160;

/// A key in the store; one of everyday length lies in the cache itself.
pub(crate) type Key = SmallVec<[u8; 32]>;

/// The part of the cache that one value may take.
const FRACTION: u64 = 16;

/// Bytes of the cache for each key whose name alone is remembered.
const PER_SEEN: usize = 256;

/// The values that one connection knows.
#[derive(Debug)]
pub(crate) struct Cache {
    figures: Arc<Figures>,
    /// Bytes that one key may take with its value.
    largest: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    values: Values<Key, Known, Size>,
    seen: Seen,
    /// When a question was asked that has a reply: what is here was so then, or later.
    as_of: Option<Instant>,
    /// The value that the next reply brings, unless it changes before.
    coming: Option<(Key, Option<Instant>)>,
}

/// What is known of a key.
#[derive(Debug, Clone)]
struct Known {
    /// Its value, if it has one.
    value: Option<Bytes>,
    /// When it ends.
    end: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Size;

impl Weighter<Key, Known> for Size {
    fn weight(&self, key: &Key, known: &Known) -> u64 {
        size(key, known.value.as_ref().map_or(0, Bytes::len))
    }
}

fn size(key: &[u8], value: usize) -> u64 {
    OVERHEAD + (key.len() + value) as u64
}

/// A look at the values, for one batch.
pub(crate) struct Look<'a>(MutexGuard<'a, State>, Instant);

impl Cache {
    /// An empty one of so many bytes.
    pub(crate) fn new(bytes: usize, figures: Arc<Figures>) -> Cache {
        let seen = Seen::new(bytes / PER_SEEN);
        let options = OptionsBuilder::new()
            .weight_capacity((bytes - seen.bytes()) as u64)
            // Of as many it remembers for a while that they were asked for, though not their values.
            .estimated_items_capacity(bytes / 1024)
            .build()
            .expect("both capacities are given");
        let hasher = DefaultHashBuilder::default();
        let values = Values::with_options(options, Size, hasher, DefaultLifecycle::default());
        let state = Mutex::new(State { values, seen, as_of: None, coming: None });
        Cache { figures, largest: bytes as u64 / FRACTION, state }
    }

    /// A look at the values, unless the server has been silent for too long.
    pub(crate) fn look(&self, now: Instant) -> Option<Look<'_>> {
        let state = self.state();
        state.as_of.is_some_and(|at| now < at + SILENCE).then_some(Look(state, now))
    }

    /// Counts values that were found, and those that were not.
    pub(crate) fn count(&self, hits: usize, misses: usize) {
        self.figures.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.figures.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }

    /// How many keys are known, and the bytes that this takes.
    pub(crate) fn extent(&self) -> (usize, u64) {
        let state = self.state();
        (state.values.len(), state.values.weight())
    }

    /// A question that was asked at `asked` has got a reply.
    pub(crate) fn is_as_of(&self, asked: Instant) {
        self.state().as_of = Some(asked);
    }

    /// What the server told of a key's expiry, by PTTL, to the question that was asked at `asked`.
    /// The next reply brings the value.
    pub(crate) fn expect(&self, key: Key, expiry: &Reply, asked: Instant) {
        let end = match expiry {
            Reply::Integer(millis @ 0..) => {
                // It was so much at some moment after the question. The server leaves off what is less
                // than a millisecond from the time, and keeps the key to the end of its last one.
                asked.checked_add(Duration::from_millis(millis.unsigned_abs()))
            }
            // There is no key, or it has no expiry.
            Reply::Integer(_) => None,
            _ => return,
        };
        self.state().coming = Some((key, end));
    }

    /// Takes the value that was expected; `None` if it did not come.
    pub(crate) fn take(&self, reply: Option<&Reply>) {
        let mut state = self.state();
        let Some((key, end)) = state.coming.take() else { return };
        let known = match reply {
            Some(Reply::Value(value)) if self.has_place(&key, value.len()) => {
                // A copy, since the slice would keep the whole buffer it was read into.
                Known { value: Some(Bytes::copy_from_slice(value)), end }
            }
            // It stays away until somebody sets it, which the server will say.
            Some(Reply::Nil) if self.has_place(&key, 0) => Known { value: None, end: None },
            _ => return,
        };
        state.values.insert(key, known);
    }

    /// Whether the value of `key`, which is to be asked for, is wanted: not the first time.
    pub(crate) fn wants(&self, key: &[u8]) -> bool {
        self.has_place(key, 0) && self.state().seen.insert(key)
    }

    /// Whether a value of that length may be kept for `key`.
    fn has_place(&self, key: &[u8], length: usize) -> bool {
        size(key, length) <= self.largest
    }

    /// What the server says unasked: that a key changed, or all of them.
    pub(crate) fn hear(&self, push: &[Reply]) {
        let mut state = self.state();
        match push {
            [Reply::Value(kind), Reply::Array(keys)] if *kind == b"invalidate"[..] => {
                for key in keys {
                    match key {
                        Reply::Value(key) => state.forget(key),
                        _ => state.clear(),
                    }
                }
            }
            _ => state.clear(),
        }
    }

    /// Locks the values, for a caller that knows what has changed.
    pub(crate) fn changing(&self) -> Changing<'_> {
        Changing(self.state())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.state().clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The locked values, from which a caller removes those that have changed.
pub(crate) struct Changing<'a>(MutexGuard<'a, State>);

impl Changing<'_> {
    /// Forgets one key of the store.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        self.0.forget(key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Look<'_> {
    /// What GET of a stored key would be answered, if that is known.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Reply> {
        let known = self.0.values.get(key)?;
        if known.end.is_some_and(|end| end <= self.1) {
            return None;
        }
        Some(known.value.clone().map_or(Reply::Nil, Reply::Value))
    }
}

impl State {
    fn forget(&mut self, key: &[u8]) {
        self.values.remove(key);
        if self.coming.as_ref().is_some_and(|(coming, _)| **coming == *key) {
            self.coming = None;
        }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.coming = None;
    }
}
