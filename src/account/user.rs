//! The account of one user, and the accounts of all users that have a connection.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use super::resource::{RESOURCES, Resource};

/// The amount of each resource that the clients of one user hold.
pub struct Account {
    /// None for kvsock itself, which has no limit.
    uid: Option<u32>,
    taken: [AtomicUsize; RESOURCES],
    /// Signals that the user's clients let go of memory while some of them waited for it.
    pub(crate) memory_released: Notify,
}

impl Account {
    pub(super) fn new(uid: Option<u32>) -> Account {
        Account { uid, taken: Default::default(), memory_released: Notify::new() }
    }

    /// The account of kvsock itself, which has no limit.
    pub fn own() -> Arc<Account> {
        Arc::new(Account::new(None))
    }

    /// The user; none for kvsock itself.
    pub fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// The amount of `resource` that the user's clients hold now.
    pub fn taken(&self, resource: Resource) -> usize {
        self.taken[resource as usize].load(Ordering::Relaxed)
    }

    /// Adds `more` to the amount of `resource`.
    pub fn add(&self, resource: Resource, more: usize) {
        self.taken[resource as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// Subtracts `less` from the amount of `resource`.
    pub fn subtract(&self, resource: Resource, less: usize) {
        self.taken[resource as usize].fetch_sub(less, Ordering::Relaxed);
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("uid", &self.uid).finish_non_exhaustive()
    }
}

/// The accounts of all users that have a connection.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<HashMap<u32, Weak<Account>>>);

/// Tables with fewer accounts are not searched for unused ones.
const FEW: usize = 64;

impl Accounts {
    /// The account of `uid`, the same for all connections of the user.
    pub fn of(&self, uid: u32) -> Arc<Account> {
        let mut by_uid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = by_uid.get(&uid).and_then(Weak::upgrade) {
            return account;
        }
        if by_uid.len() >= FEW {
            by_uid.retain(|_, account| account.strong_count() > 0);
        }
        let account = Arc::new(Account::new(Some(uid)));
        by_uid.insert(uid, Arc::downgrade(&account));
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_connections_of_a_user_have_one_account() {
        let accounts = Accounts::default();
        let first = accounts.of(7);
        accounts.of(7).add(Resource::Pinned, 2);
        assert_eq!(first.taken(Resource::Pinned), 2);
        assert_eq!(first.taken(Resource::Reading), 0);
        assert_eq!(accounts.of(8).taken(Resource::Pinned), 0);
    }

    #[test]
    fn accounts_that_nobody_uses_are_forgotten() {
        let accounts = Accounts::default();
        let kept = accounts.of(1);
        (0..10_000).for_each(|uid| drop(accounts.of(uid)));
        assert!(accounts.0.lock().expect("no panic").len() <= FEW + 1);
        assert!(Arc::ptr_eq(&kept, &accounts.of(1)));
    }
}
