//! The near cache: values of the server's that need not be asked for again, since the server says
//! when they change (client-side caching by `CLIENT TRACKING`, RESP3). It is asked to for each that
//! is wanted, before its expiry and its value: for keys that are asked for more than once.
//!
//! Replies and what the server says unasked come in one order, on one connection, and the cache
//! follows it: a value goes in when its reply comes, and out when the server says that it changed.
//! So what is found here is what the server would have said at the end of what has come so far,
//! and nobody was told anything newer over this connection, but for who changed it: the
//! server says so after the reply to the change. Hence [`Cache::forget`] before that reply is
//! given. What was done on another connection is known here after one round trip more, see
//! [`super::Valkey::catch_up`].
//!
//! A cache belongs to one connection, and ends with it.

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quick_cache::unsync::{Cache as Values, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::keys::prefix::{Prefix, StoredKey};
use crate::message::Reply;
use crate::store::operation::{Effect, Operation};

/// For how long the server may have said nothing before it is asked again: a connection that has
/// died in silence must not be taken for one on which nothing changes.
const SILENCE: Duration = Duration::from_secs(1);

/// What a key and its value take besides their bytes: their places in the cache, and what the
/// allocator adds.
const OVERHEAD: u64 = 160;

/// A key in the store; one of everyday length lies in the cache itself.
pub(super) type Key = SmallVec<[u8; 32]>;

/// The part of the cache that one value may take.
const FRACTION: u64 = 16;

/// Bytes of the cache for each key whose name alone is remembered.
const PER_SEEN: usize = 256;

/// How often values were found, by all connections of a store one after the other.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Values that were found.
    pub(super) hits: AtomicU64,
    /// Those that the server was asked for.
    pub(super) misses: AtomicU64,
}

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

/// Keys that were asked for lately, by marks of their hashes: a new one takes the place of another.
#[derive(Debug)]
struct Seen {
    marks: Box<[u32]>,
    hasher: RandomState,
}

impl Seen {
    fn new(count: usize) -> Seen {
        Seen { marks: vec![0; count].into(), hasher: RandomState::new() }
    }

    /// Remembers `key`; true if it was so already, or, rarely, another key with the same mark.
    fn insert(&mut self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        let (place, mark) = (hash & u64::from(u32::MAX), (hash >> 32) as u32);
        let count = self.marks.len().max(1) as u64;
        let place = usize::try_from(place % count).unwrap_or(0);
        self.marks.get_mut(place).is_some_and(|seen| std::mem::replace(seen, mark) == mark)
    }
}

/// A look at the values, for one batch.
pub(super) struct Look<'a>(MutexGuard<'a, State>, Instant);

impl Cache {
    /// An empty one of so many bytes.
    pub(super) fn new(bytes: usize, figures: Arc<Figures>) -> Cache {
        let seen = Seen::new(bytes / PER_SEEN);
        let options = OptionsBuilder::new()
            .weight_capacity((bytes - size_of_val(&*seen.marks)) as u64)
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
    pub(super) fn look(&self, now: Instant) -> Option<Look<'_>> {
        let state = self.state();
        state.as_of.is_some_and(|at| now < at + SILENCE).then_some(Look(state, now))
    }

    /// Counts values that were found, and those that were not.
    pub(super) fn count(&self, hits: usize, misses: usize) {
        self.figures.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.figures.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }

    /// How many keys are known, and the bytes that this takes.
    pub(super) fn extent(&self) -> (usize, u64) {
        let state = self.state();
        (state.values.len(), state.values.weight())
    }

    /// A question that was asked at `asked` has got a reply.
    pub(super) fn is_as_of(&self, asked: Instant) {
        self.state().as_of = Some(asked);
    }

    /// What the server told of a key's expiry, by PTTL, to the question that was asked at `asked`.
    /// The next reply brings the value.
    pub(super) fn expect(&self, key: Key, expiry: &Reply, asked: Instant) {
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
    pub(super) fn take(&self, reply: Option<&Reply>) {
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
    pub(super) fn wants(&self, key: &[u8]) -> bool {
        self.has_place(key, 0) && self.state().seen.insert(key)
    }

    /// Whether a value of that length may be kept for `key`.
    fn has_place(&self, key: &[u8], length: usize) -> bool {
        size(key, length) <= self.largest
    }

    /// What the server says unasked: that a key changed, or all of them.
    pub(super) fn hear(&self, push: &[Reply]) {
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

    /// Forgets what `operations` have changed, as the replies to them say. To be called before
    /// anybody learns of these.
    pub(super) fn forget<'a>(
        &self,
        prefix: &Prefix,
        operations: impl IntoIterator<Item = &'a Operation>,
    ) {
        let mut state = self.state();
        let mut stored = StoredKey::new();
        for operation in operations {
            if operation.verb.effect() == Effect::Read {
                continue;
            }
            let mut keys = operation.keys().peekable();
            if keys.peek().is_none() {
                state.clear();
            }
            keys.for_each(|key| state.forget(prefix.stored_in(key, &mut stored)));
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.state().clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look<'_> {
    /// What GET of a stored key would be answered, if that is known.
    pub(super) fn get(&self, key: &[u8]) -> Option<Reply> {
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
