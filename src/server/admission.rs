//! Who may come in: the limits on connections, all together and by user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::options::Options;
use crate::command::Full;

/// Places above `max_clients` that only administrators get.
const RESERVED: usize = 3;

/// Counts connections.
#[derive(Debug, Default)]
pub(super) struct Admission(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_uid: HashMap<u32, usize>,
}

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    uid: u32,
}

impl Admission {
    /// Counts one more of `uid`, if there is room.
    fn enter(&self, options: &Options, uid: u32, administrator: bool) -> Result<(), Full> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = if administrator { RESERVED } else { 0 };
        if options.max_clients != 0 && open.all >= options.max_clients + reserved {
            return Err(Full::Server);
        }
        let of_user = open.by_uid.get(&uid).copied().unwrap_or(0);
        let limited = options.max_clients_per_user != 0 && !administrator;
        if limited && of_user >= options.max_clients_per_user {
            return Err(Full::User);
        }
        open.all += 1;
        open.by_uid.insert(uid, of_user + 1);
        Ok(())
    }

    /// Counts one more of `uid`, which was let in by the daemon before this one.
    fn enter_again(&self, uid: u32) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.all += 1;
        *open.by_uid.entry(uid).or_default() += 1;
    }

    fn leave(&self, uid: u32) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(count) = open.by_uid.get_mut(&uid) {
            *count -= 1;
            if *count == 0 {
                open.by_uid.remove(&uid);
            }
        }
    }

    /// Connections open now.
    pub(super) fn open(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Place {
    /// A place for a connection of `uid`, if there is one. Administrators have a few more, and no
    /// limit by user.
    pub(super) fn take(
        admission: &Arc<Admission>,
        options: &Options,
        uid: u32,
        administrator: bool,
    ) -> Result<Place, Full> {
        admission.enter(options, uid, administrator)?;
        Ok(Place { admission: Arc::clone(admission), uid })
    }

    /// The place that a connection had with the daemon before this one, whatever the limits.
    pub(super) fn keep(admission: &Arc<Admission>, uid: u32) -> Place {
        admission.enter_again(uid);
        Place { admission: Arc::clone(admission), uid }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.leave(self.uid);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn options(max_clients: usize, max_clients_per_user: usize) -> Options {
        Options {
            max_clients,
            max_clients_per_user,
            max_request: 0,
            max_reply: 0,
            max_memory: 0,
            client_timeout: Duration::ZERO,
            drain_timeout: Duration::ZERO,
            admin_gid: None,
        }
    }

    #[test]
    fn a_few_places_are_kept_for_administrators() {
        let (admission, options) = (Admission::default(), options(2, 0));
        assert_eq!(admission.enter(&options, 7, false), Ok(()));
        assert_eq!(admission.enter(&options, 7, false), Ok(()));
        assert_eq!(admission.enter(&options, 8, false), Err(Full::Server));
        for _ in 0..RESERVED {
            assert_eq!(admission.enter(&options, 0, true), Ok(()));
        }
        assert_eq!(admission.enter(&options, 0, true), Err(Full::Server));
        admission.leave(7);
        assert_eq!(admission.enter(&options, 0, true), Ok(()));
        assert_eq!(admission.open(), 2 + RESERVED);
    }

    #[test]
    fn one_user_cannot_take_all_places() {
        let (admission, options) = (Admission::default(), options(0, 1));
        assert_eq!(admission.enter(&options, 7, false), Ok(()));
        assert_eq!(admission.enter(&options, 7, false), Err(Full::User));
        assert_eq!(admission.enter(&options, 8, false), Ok(()));
        admission.leave(7);
        assert_eq!(admission.enter(&options, 7, false), Ok(()));
    }
}
