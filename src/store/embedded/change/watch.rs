//! The keys that clients watch, and the notes that one of them has changed.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fjall::Slice;

/// A client's note that a watched key has changed. The note is set once and never cleared.
type Changed = Arc<AtomicBool>;

/// All watched keys in their stored form. Only the writer adds keys and marks changes, so that no
/// change slips between the two.
#[derive(Debug)]
pub(crate) struct Watches {
    /// The longest time that a client may watch.
    limit: Duration,
    watchers: Mutex<HashMap<Slice, HashMap<u64, Changed>>>,
    /// The number of keys in `watchers`. While it is 0, writes need no lock.
    count: AtomicUsize,
    last_id: AtomicU64,
}

impl Watches {
    /// No watched keys. Each client may watch for `limit`.
    pub(crate) fn new(limit: Duration) -> Watches {
        let (watchers, count, last_id) = Default::default();
        Watches { limit, watchers, count, last_id }
    }

    /// Notes a change of a key for all clients that watch the key.
    pub(crate) fn mark(&self, stored: &[u8]) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut watchers = self.watchers();
        // One note is enough for each client.
        for changed in watchers.remove(stored).unwrap_or_default().into_values() {
            changed.store(true, Ordering::Release);
        }
        self.count.store(watchers.len(), Ordering::Relaxed);
    }

    /// All watched keys.
    pub(crate) fn keys(&self) -> Vec<Slice> {
        self.watchers().keys().cloned().collect()
    }

    fn watchers(&self) -> MutexGuard<'_, HashMap<Slice, HashMap<u64, Changed>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys that one client watches. Dropping the value ends the watch.
pub struct Watch {
    id: u64,
    watches: Arc<Watches>,
    keys: HashSet<Slice>,
    changed: Changed,
    /// The earliest expiry of the watched keys, in Unix milliseconds.
    expires: Option<u64>,
    since: Instant,
}

impl Watch {
    /// A watch without keys.
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

    /// Adds a key. If the key is not changed before, it expires at `expires`.
    pub(crate) fn add(&mut self, stored: Slice, expires: Option<u64>) {
        if !self.keys.insert(stored.clone()) {
            return;
        }
        self.expires = self.expires.into_iter().chain(expires).min();
        let mut watchers = self.watches.watchers();
        watchers.entry(stored).or_default().insert(self.id, Arc::clone(&self.changed));
        self.watches.count.store(watchers.len(), Ordering::Relaxed);
    }

    /// Whether a watched key was changed or has expired, or the client has watched for too long.
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
