//! The cached values of one connection.

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

/// Cached values are used for this long after the last reply. Then the server is asked again, since
/// a connection that has died in silence looks like one on which nothing changes.
pub(super) const SILENCE: Duration = Duration::from_secs(1);

/// Memory that a key and its value take besides their bytes: the cache's entry, and what the
/// allocator adds.
const OVERHEAD: u64 = 160;

/// A key in the store. A key of usual length needs no allocation.
pub(crate) type Key = SmallVec<[u8; 32]>;

/// One value may take this fraction of the cache.
const FRACTION: u64 = 16;

/// One key of which only the read is remembered, for so many bytes of the cache.
const PER_SEEN: usize = 256;

/// The cached values of one connection.
#[derive(Debug)]
pub(crate) struct Cache {
    figures: Arc<Figures>,
    /// The most bytes that one key may take together with its value.
    largest: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    values: Values<Key, Known, Size>,
    seen: Seen,
    /// When the newest exchange with a reply was sent. The cached values were current then, or
    /// later.
    as_of: Option<Instant>,
    /// The key whose value is the next reply, and when it expires. Removed by an invalidation.
    coming: Option<(Key, Option<Instant>)>,
}

/// What is known of a key.
#[derive(Debug, Clone)]
struct Known {
    /// The value; `None` if the key does not exist.
    value: Option<Bytes>,
    /// When the value expires.
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

/// The locked values, to answer one batch.
pub(crate) struct Look<'a>(MutexGuard<'a, State>, Instant);

impl Cache {
    /// An empty cache of `bytes` bytes.
    pub(crate) fn new(bytes: usize, figures: Arc<Figures>) -> Cache {
        let seen = Seen::new(bytes / PER_SEEN);
        let options = OptionsBuilder::new()
            .weight_capacity((bytes - seen.bytes()) as u64)
            // For as many keys the cache remembers for a while that they were read, without a
            // value.
            .estimated_items_capacity(bytes / 1024)
            .build()
            .expect("both capacities are given");
        let hasher = DefaultHashBuilder::default();
        let values = Values::with_options(options, Size, hasher, DefaultLifecycle::default());
        let state = Mutex::new(State { values, seen, as_of: None, coming: None });
        Cache { figures, largest: bytes as u64 / FRACTION, state }
    }

    /// Locks the values for reading. `None` if the server has been silent for too long.
    pub(crate) fn look(&self, now: Instant) -> Option<Look<'_>> {
        let state = self.state();
        state.as_of.is_some_and(|at| now < at + SILENCE).then_some(Look(state, now))
    }

    /// Counts hits and misses.
    pub(crate) fn count(&self, hits: usize, misses: usize) {
        self.figures.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.figures.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }

    /// The number of cached keys, and the bytes that they take.
    pub(crate) fn extent(&self) -> (usize, u64) {
        let state = self.state();
        (state.values.len(), state.values.weight())
    }

    /// Notes that an exchange sent at `asked` has a reply.
    pub(crate) fn is_as_of(&self, asked: Instant) {
        self.state().as_of = Some(asked);
    }

    /// Notes a key's expiry, which is the reply to a PTTL sent at `asked`. The next reply is the
    /// value.
    pub(crate) fn expect(&self, key: Key, expiry: &Reply, asked: Instant) {
        let end = match expiry {
            Reply::Integer(millis @ 0..) => {
                // PTTL was evaluated at some moment after it was sent. The server rounds the time
                // down to milliseconds, and keeps the key to the end of the last one.
                asked.checked_add(Duration::from_millis(millis.unsigned_abs()))
            }
            // The key does not exist or does not expire.
            Reply::Integer(_) => None,
            _ => return,
        };
        self.state().coming = Some((key, end));
    }

    /// Caches the value that was expected. `None` if the reply was discarded.
    pub(crate) fn take(&self, reply: Option<&Reply>) {
        let mut state = self.state();
        let Some((key, end)) = state.coming.take() else { return };
        let known = match reply {
            Some(Reply::Value(value)) if self.has_place(&key, value.len()) => {
                // A copy, since the slice would keep the whole read buffer alive.
                Known { value: Some(Bytes::copy_from_slice(value)), end }
            }
            // The key does not exist until a client sets it, for which the server sends an
            // invalidation.
            Some(Reply::Nil) if self.has_place(&key, 0) => Known { value: None, end: None },
            _ => return,
        };
        state.values.insert(key, known);
    }

    /// Whether the value of `key` is to be cached when it is read now: not for the first read.
    pub(crate) fn wants(&self, key: &[u8]) -> bool {
        self.has_place(key, 0) && self.state().seen.insert(key)
    }

    /// Whether a value of that length may be cached for `key`.
    fn has_place(&self, key: &[u8], length: usize) -> bool {
        size(key, length) <= self.largest
    }

    /// Handles an invalidation, of one key or of all keys.
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

    /// Locks the values for a caller that knows which keys changed.
    pub(crate) fn changing(&self) -> Changing<'_> {
        Changing(self.state())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.state().clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The locked values, from which a caller removes the changed keys.
pub(crate) struct Changing<'a>(MutexGuard<'a, State>);

impl Changing<'_> {
    /// Forgets one key, named as in the store.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        self.0.forget(key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Look<'_> {
    /// The reply to GET of a key, named as in the store, if it is cached.
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
