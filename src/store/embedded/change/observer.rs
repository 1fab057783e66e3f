//! Whether commits change what a transaction has read that is evaluated beside the writer.
//!
//! The order makes it safe: an observer is there before the snapshot is taken, and the writer tells
//! of a commit once it can be seen. So a commit that the snapshot lacks is told of.

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use fjall::Slice;

use super::changes::{Change, Changes, Committed};

/// What one transaction reads, and whether it has changed.
#[derive(Debug)]
pub(crate) struct Observer {
    /// Stored keys.
    keys: HashSet<Slice>,
    /// What all keys begin with that matter, if all of a key space does.
    key_space: Option<Bytes>,
    /// What expired by then was gone already, in Unix milliseconds.
    now: u64,
    is_broken: AtomicBool,
}

impl Observer {
    /// Looks for changes of these stored keys, and perhaps of all that begin with `key_space`.
    pub(crate) fn new(keys: HashSet<Slice>, key_space: Option<Bytes>, now: u64) -> Observer {
        Observer { keys, key_space, now, is_broken: AtomicBool::new(false) }
    }

    /// Whether something has changed.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// Whether one of `changes` matters.
    pub(crate) fn is_touched_by(&self, changes: &Changes) -> bool {
        let is_change = |change: &Change| {
            // What is removed because it had expired was gone already.
            let before = match change.before {
                Committed::Present { expires } => expires.is_none_or(|it| it > self.now),
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

/// All observers. There are as many as transactions are evaluated at a time.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    list: Mutex<Vec<Weak<Observer>>>,
    /// How many, so that commits cost nothing while there are none.
    count: AtomicUsize,
}

impl Observers {
    /// Lets `observer` see all commits that a snapshot taken from now on does not have.
    pub(crate) fn add(&self, observer: &Arc<Observer>) {
        let mut list = self.list();
        list.retain(|other| other.strong_count() > 0);
        list.push(Arc::downgrade(observer));
        self.count.store(list.len(), Ordering::SeqCst);
        // Either the writer sees the observer, or the snapshot has the commit.
        fence(Ordering::SeqCst);
    }

    /// Tells of a commit that can be seen.
    pub(crate) fn tell(&self, changes: &Changes) {
        self.visit(|observer| observer.is_touched_by(changes));
    }

    /// Tells that anything may have changed.
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
        observers.tell(&changes("ku:1", Committed::Present { expires: Some(100) }, false));
        assert_eq!(broken(), (false, false));
        observers.tell(&changes("ka", Committed::Present { expires: Some(101) }, false));
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
