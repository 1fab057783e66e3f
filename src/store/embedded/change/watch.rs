//! Which keys are watched by whom, and who is told of a change.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fjall::Slice;

/// A client's note of a change: set once, never taken back.
type Changed = Arc<AtomicBool>;

/// All watched keys, in their stored form. Only the writer adds and marks, so that it sees every
/// watch that it must.
#[derive(Debug)]
pub(crate) struct Watches {
    /// How long a client may watch.
    limit: Duration,
    watchers: Mutex<HashMap<Slice, HashMap<u64, Changed>>>,
    /// Keys in `watchers`, so that writing costs nothing while nobody watches.
    count: AtomicUsize,
    last_id: AtomicU64,
}

impl Watches {
    /// Nobody watches yet; who does, may for `limit`.
    pub(crate) fn new(limit: Duration) -> Watches {
        let (watchers, count, last_id) = Default::default();
        Watches { limit, watchers, count, last_id }
    }

    /// Notes a change of a key for those who watch it.
    pub(crate) fn mark(&self, stored: &[u8]) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut watchers = self.watchers();
        // Once told, they need not be told again.
        for changed in watchers.remove(stored).unwrap_or_default().into_values() {
            changed.store(true, Ordering::Release);
        }
        self.count.store(watchers.len(), Ordering::Relaxed);
    }

    /// The keys that are watched.
    pub(crate) fn keys(&self) -> Vec<Slice> {
        self.watchers().keys().cloned().collect()
    }

    fn watchers(&self) -> MutexGuard<'_, HashMap<Slice, HashMap<u64, Changed>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys that one client watches; forgotten when it is dropped.
pub struct Watch {
    id: u64,
    watches: Arc<Watches>,
    keys: HashSet<Slice>,
    changed: Changed,
    /// When the first of them expires, unless it is changed before, in Unix milliseconds.
    expires: Option<u64>,
    since: Instant,
}

impl Watch {
    /// Watches nothing yet.
    pub(crate) fn new(watches: &Arc<Watches>) -> Watch {
        Watch {
            id: watches.last_id.fetch_add(1, Ordering::Relaxed),
            watches: Arc::clone(watches),
            keys: HashSet::new(),
            changed: Changed::default(),
            expires: None,
            since: Instant::now(),
        }
    }

    /// Watches a key, which expires then if nobody changes it.
    pub(crate) fn add(&mut self, stored: Slice, expires: Option<u64>) {
        if !self.keys.insert(stored.clone()) {
            return;
        }
        self.expires = self.expires.into_iter().chain(expires).min();
        let mut watchers = self.watches.watchers();
        watchers.entry(stored).or_default().insert(self.id, Arc::clone(&self.changed));
        self.watches.count.store(watchers.len(), Ordering::Relaxed);
    }

    /// Whether a watched key was changed or has expired, or the watch took too long.
    pub(crate) fn is_broken(&self, now: u64) -> bool {
        self.changed.load(Ordering::Acquire)
            || self.expires.is_some_and(|expires| expires <= now)
            || self.since.elapsed() > self.watches.limit
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = self.watches.watchers();
        for key in &self.keys {
            if let Some(others) = watchers.get_mut(key) {
                others.remove(&self.id);
                if others.is_empty() {
                    watchers.remove(key);
                }
            }
        }
        self.watches.count.store(watchers.len(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn key(name: &'static str) -> Slice {
        Slice::from(name)
    }

    #[test]
    fn all_who_watch_a_key_are_told() {
        let watches = Arc::new(Watches::new(LIMIT));
        let mut clients = [Watch::new(&watches), Watch::new(&watches), Watch::new(&watches)];
        clients[0].add(key("a"), None);
        clients[1].add(key("a"), None);
        clients[2].add(key("b"), None);
        watches.mark(b"a");
        assert_eq!(clients.each_ref().map(|client| client.is_broken(0)), [true, true, false]);
    }

    #[test]
    fn a_watch_that_is_dropped_leaves_nothing_behind() {
        let watches = Arc::new(Watches::new(LIMIT));
        let (mut one, mut other) = (Watch::new(&watches), Watch::new(&watches));
        one.add(key("a"), None);
        one.add(key("a"), None);
        other.add(key("a"), None);
        other.add(key("b"), None);
        drop(one);
        assert_eq!(watches.keys().len(), 2);
        watches.mark(b"b");
        assert_eq!(watches.keys(), [key("a")]);
        drop(other);
        assert!(watches.keys().is_empty());
        assert_eq!(watches.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_expires_or_takes_too_long_breaks_a_watch() {
        let watches = Arc::new(Watches::new(LIMIT));
        let mut watch = Watch::new(&watches);
        watch.add(key("late"), Some(200));
        watch.add(key("early"), Some(100));
        watch.add(key("never"), None);
        assert!(!watch.is_broken(99));
        assert!(watch.is_broken(100));
        let mut watch = Watch::new(&watches);
        let Some(since) = Instant::now().checked_sub(LIMIT) else { return };
        watch.since = since;
        assert!(watch.is_broken(0));
    }
}
