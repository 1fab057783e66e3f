//! Whose keys a connection works on: everybody's, or those of its user.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::command::access::caller::Caller;
use crate::store::Store;

/// How keys belong to users.
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

/// How many parts are kept that no connection uses, so that those who come and go find them as
/// they left them.
const KEPT: usize = 64;

/// The users' parts.
#[derive(Debug, Default)]
struct Parts {
    by_uid: HashMap<u32, Weak<Store>>,
    /// Those last asked for, the newest last.
    kept: VecDeque<Arc<Store>>,
}

impl Spaces {
    /// Nobody's part is in use yet.
    pub(crate) fn new(store: Store, namespace: Namespace) -> Spaces {
        Spaces { namespace, all: Arc::new(store), parts: Mutex::default() }
    }

    /// How keys belong to users.
    pub(crate) fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// All keys, those of each user under the user's prefix.
    pub(crate) fn all(&self) -> &Arc<Store> {
        &self.all
    }

    /// The keys that `caller` works on; none for whom the kernel cannot name.
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
            // No other user's name begins with it: digits end at the colon.
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

    /// Writes what is still held back, and closes the store; waits at most `limit`.
    pub(crate) async fn close(&self, limit: Duration) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).kept.clear();
        self.all.close(limit).await;
    }
}
