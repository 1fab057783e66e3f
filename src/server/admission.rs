//! The limits on the number of connections, in total and by user.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::options::Options;
use crate::account::{Account, Resource};
use crate::command::Full;

/// Places above `max_clients` that are reserved for administrators.
const RESERVED: usize = 3;

/// The count of connections.
#[derive(Debug, Default)]
pub(super) struct Admission {
    open: Mutex<Open>,
    /// Signals that the last connection ended.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// The number of connections so far.
    entered: u64,
}

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    account: Arc<Account>,
}

impl Admission {
    /// Counts one more connection of the user of `account`, if the limits allow it.
    fn enter(&self, options: &Options, account: &Account, administrator: bool) -> Result<(), Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = if administrator { RESERVED } else { 0 };
        if options.max_clients != 0 && open.all >= options.max_clients + reserved {
            return Err(Full::Server);
        }
        let of_user = account.taken(Resource::Connections);
        let limited = options.max_clients_per_user != 0 && !administrator;
        if limited && of_user >= options.max_clients_per_user {
            return Err(Full::User);
        }
        open.all += 1;
        open.entered += 1;
        account.add(Resource::Connections, 1);
        Ok(())
    }

    /// Counts a connection of the user of `account` that the previous daemon admitted.
    fn enter_again(&self, account: &Account) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all += 1;
        open.entered += 1;
        account.add(Resource::Connections, 1);
    }

    fn leave(&self, account: &Account) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        account.subtract(Resource::Connections, 1);
        if open.all == 0 {
            self.emptied.notify_waiters();
        }
    }

    /// Waits until no connection is open; returns the number of connections so far.
    pub(super) async fn empty(&self) -> u64 {
        loop {
            let emptied = self.emptied.notified();
            {
                let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                if open.all == 0 {
                    return open.entered;
                }
            }
            emptied.await;
        }
    }

    /// The number of open connections.
    pub(super) fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Place {
    /// A place for a connection of the user of `account`, if the limits allow it. Administrators
    /// have a few more places, and no limit by user.
    pub(super) fn take(
        admission: &Arc<Admission>,
        options: &Options,
        account: Arc<Account>,
        administrator: bool,
    ) -> Result<Place, Full> {
        admission.enter(options, &account, administrator)?;
        Ok(Place { admission: Arc::clone(admission), account })
    }

    /// The account of the connection's user.
    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The place of a connection that the previous daemon admitted, whatever the limits.
    pub(super) fn keep(admission: &Arc<Admission>, account: Arc<Account>) -> Place {
        admission.enter_again(&account);
        Place { admission: Arc::clone(admission), account }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.leave(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::Accounts;

    fn options(max_clients: usize, max_clients_per_user: usize) -> Options {
        Options {
            max_clients,
            max_clients_per_user,
            max_request: 0,
            max_reply: 0,
            max_memory: 0,
            client_timeout: Duration::ZERO,
            idle_exit: Duration::ZERO,
            drain_timeout: Duration::ZERO,
            admin_gid: None,
        }
    }

    #[test]
    fn a_few_places_are_kept_for_administrators() {
        let (admission, options) = (Admission::default(), options(2, 0));
        let accounts = Accounts::default();
        let (user, _administrator) = (accounts.of(7), accounts.of(0));
        assert_eq!(admission.enter(&options, &accounts.of(7), false), Ok(()));
        assert_eq!(admission.enter(&options, &accounts.of(7), false), Ok(()));
        assert_eq!(admission.enter(&options, &accounts.of(8), false), Err(Full::Server));
        for _ in 0..RESERVED {
            assert_eq!(admission.enter(&options, &accounts.of(0), true), Ok(()));
        }
        assert_eq!(admission.enter(&options, &accounts.of(0), true), Err(Full::Server));
        admission.leave(&user);
        assert_eq!(admission.enter(&options, &accounts.of(0), true), Ok(()));
        assert_eq!(admission.open(), 2 + RESERVED);
    }

    #[test]
    fn one_user_cannot_take_all_places() {
        let (admission, options) = (Admission::default(), options(0, 1));
        let accounts = Accounts::default();
        let user = accounts.of(7);
        assert_eq!(admission.enter(&options, &accounts.of(7), false), Ok(()));
        assert_eq!(admission.enter(&options, &accounts.of(7), false), Err(Full::User));
        assert_eq!(admission.enter(&options, &accounts.of(8), false), Ok(()));
        admission.leave(&user);
        assert_eq!(admission.enter(&options, &accounts.of(7), false), Ok(()));
    }
}
