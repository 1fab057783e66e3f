//! Key spaces: all keys, or one user's part of the store.
//!
//! With `KVSOCK_NAMESPACE=user` each user works on a part of the store: the same connections or
//! files, one more prefix, and an index of `last` of its own. Commands never see the prefix, so
//! that no command can leave the part.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::command::access::caller::Caller;
use crate::store::Store;

/// How keys are assigned to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// All users share all keys.
    Shared,
    /// Each user has keys of its own.
    User,
}

/// The store, and the parts of it that are in use.
#[derive(Debug)]
pub(crate) struct Spaces {
    namespace: Namespace,
    all: Arc<Store>,
    parts: Mutex<Parts>,
}

/// The number of parts kept without a connection, so that a user who reconnects finds the part as
/// it was.
const KEPT: usize = 64;

/// The users' parts.
#[derive(Debug, Default)]
struct Parts {
    by_uid: HashMap<u32, Weak<Store>>,
    /// The parts used last, the newest last.
    kept: VecDeque<Arc<Store>>,
}

impl Spaces {
    /// Starts with no part in use.
    pub(crate) fn new(store: Store, namespace: Namespace) -> Spaces {
        Spaces { namespace, all: Arc::new(store), parts: Mutex::default() }
    }

    /// How keys are assigned to users.
    pub(crate) fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// All keys; each user's keys have the user's prefix.
    pub(crate) fn all(&self) -> &Arc<Store> {
        &self.all
    }

    /// The keys that `caller` works on; none if the kernel cannot name the user.
    pub(crate) fn of(&self, caller: &Caller) -> Option<Arc<Store>> {
        match self.namespace {
            Namespace::Shared => Some(Arc::clone(&self.all)),
            Namespace::User => caller.is_somebody().then(|| self.of_user(caller.uid)),
        }
    }

    /// The keys of a user.
    pub(crate) fn of_user(&self, uid: u32) -> Arc<Store> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts.by_uid.get(&uid).and_then(Weak::upgrade);
        let store = known.unwrap_or_else(|| {
            parts.by_uid.retain(|_, store| store.strong_count() > 0);
            // No other user's prefix begins with it, since a colon ends the digits.
            let store = Arc::new(self.all.part(format!("u{uid}:").as_bytes()));
            parts.by_uid.insert(uid, Arc::downgrade(&store));
            store
        });
        parts.kept.retain(|kept| !Arc::ptr_eq(kept, &store));
        parts.kept.push_back(Arc::clone(&store));
        if parts.kept.len() > KEPT {
            parts.kept.pop_front();
        }
        store
    }

    /// Writes pending changes and closes the store; waits at most `limit`.
    pub(crate) async fn close(&self, limit: Duration) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).kept.clear();
        self.all.close(limit).await;
    }
}
