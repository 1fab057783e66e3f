//! Observers: whether a commit changed a key that a transaction read while it was evaluated beside
//! the writer.
//!
//! The order of the steps makes this safe. An observer is registered before the snapshot is taken,
//! and the writer tells the observers after a commit has become visible. So the observer is told of
//! each commit that the snapshot lacks.

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use fjall::Slice;

use super::changes::{Change, Changes, Committed};

/// The keys that one transaction reads, and whether one of them has changed.
#[derive(Debug)]
pub(crate) struct Observer {
    /// The stored keys that the transaction names.
    keys: HashSet<Slice>,
    /// The prefix of the key space, if the transaction reads all of it.
    key_space: Option<Bytes>,
    /// Unix milliseconds. A key that had expired by this moment was absent for the transaction.
    now: u64,
    is_broken: AtomicBool,
}

impl Observer {
    /// Observes these stored keys, and also all keys with the prefix `key_space` if there is one.
    pub(crate) fn new(keys: HashSet<Slice>, key_space: Option<Bytes>, now: u64) -> Observer {
        Observer { keys, key_space, now, is_broken: AtomicBool::new(false) }
    }

    /// Whether an observed key has changed.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// Whether one of `changes` concerns an observed key.
    pub(crate) fn is_touched_by(&self, changes: &Changes) -> bool {
        let is_change = |change: &Change| {
            // The removal of an expired key changes nothing for the transaction.
            let before = match change.before {
                Committed::Present { expires, .. } => expires.is_none_or(|it| it > self.now),
                Committed::Absent => false,
            };
            before || change.after.is_some()
        };
        if let Some(key_space) = &self.key_space {
            let mut all = changes
                .range::<[u8], _>((Bound::Included(&key_space[..]), Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(key_space));
            if all.any(|(_, change)| is_change(change)) {
                return true;
            }
        }
        if self.keys.len() < changes.len() {
            self.keys.iter().any(|key| changes.get(key).is_some_and(is_change))
        } else {
            changes.iter().any(|(key, change)| self.keys.contains(key) && is_change(change))
        }
    }
}

/// All observers: one for each transaction that is being evaluated.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    list: Mutex<Vec<Weak<Observer>>>,
    /// The number of observers. While it is 0, commits need no lock.
    count: AtomicUsize,
}

impl Observers {
    /// Registers `observer`, so that it is told of every commit that a later snapshot lacks.
    pub(crate) fn add(&self, observer: &Arc<Observer>) {
        let mut list = self.list();
        list.retain(|other| other.strong_count() > 0);
        list.push(Arc::downgrade(observer));
        self.count.store(list.len(), Ordering::SeqCst);
        // Either the writer sees the observer, or the snapshot contains the commit.
        fence(Ordering::SeqCst);
    }

    /// Tells the observers of a commit that has become visible.
    pub(crate) fn tell(&self, changes: &Changes) {
        self.visit(|observer| observer.is_touched_by(changes));
    }

    /// Tells the observers that any key may have changed.
    pub(crate) fn tell_of_everything(&self) {
        self.visit(|_| true);
    }

    fn visit(&self, is_touched: impl Fn(&Observer) -> bool) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut list = self.list();
        list.retain(|observer| {
            let Some(observer) = observer.upgrade() else { return false };
            if !observer.is_broken() && is_touched(&observer) {
                observer.is_broken.store(true, Ordering::Release);
            }
            true
        });
        self.count.store(list.len(), Ordering::SeqCst);
    }

    fn list(&self) -> MutexGuard<'_, Vec<Weak<Observer>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::format::layout::Record;

    fn present(expires: u64) -> Committed {
        Committed::Present { expires: Some(expires), is_long: false }
    }

    fn changes(key: &'static str, before: Committed, is_there: bool) -> Changes {
        let record = Record { expires: None, value: Bytes::new() };
        Changes::from([(Slice::from(key), Change { before, after: is_there.then_some(record) })])
    }

    #[test]
    fn only_changes_of_what_was_read_break_an_observer() {
        let observers = Observers::default();
        let key = Observer::new(HashSet::from([Slice::from("ka")]), None, 100);
        let all = Observer::new(HashSet::new(), Some(Bytes::from("ku:")), 100);
        let (key, all) = (Arc::new(key), Arc::new(all));
        observers.add(&key);
        observers.add(&all);
        let broken = || (key.is_broken(), all.is_broken());
        observers.tell(&changes("kb", Committed::Absent, true));
        observers.tell(&changes("kv:1", Committed::Absent, true));
        observers.tell(&changes("ka", Committed::Absent, false));
        observers.tell(&changes("ku:1", present(100), false));
        assert_eq!(broken(), (false, false));
        observers.tell(&changes("ka", present(101), false));
        assert_eq!(broken(), (true, false));
        observers.tell(&changes("ku:1", Committed::Absent, true));
        assert_eq!(broken(), (true, true));
    }

    #[test]
    fn observers_that_are_gone_cost_nothing() {
        let observers = Observers::default();
        drop(Arc::new(Observer::new(HashSet::new(), None, 0)));
        let observer = Arc::new(Observer::new(HashSet::new(), None, 0));
        observers.add(&observer);
        observers.tell_of_everything();
        assert!(observer.is_broken());
        drop(observer);
        observers.tell_of_everything();
        assert_eq!(observers.count.load(Ordering::SeqCst), 0);
    }
}
