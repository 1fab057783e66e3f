//! Who may come in: the limits on connections, all together and by user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::options::Options;

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
    /// Whether there is room for one more of `uid`, which then is counted.
    fn enter(&self, options: &Options, uid: u32, administrator: bool) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = if administrator { RESERVED } else { 0 };
        if options.max_clients != 0 && open.all >= options.max_clients + reserved {
            return false;
        }
        let of_user = open.by_uid.get(&uid).copied().unwrap_or(0);
        let limited = options.max_clients_per_user != 0 && !administrator;
        if limited && of_user >= options.max_clients_per_user {
            return false;
        }
        open.all += 1;
        open.by_uid.insert(uid, of_user + 1);
        true
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
    ) -> Option<Place> {
        admission
            .enter(options, uid, administrator)
            .then(|| Place { admission: Arc::clone(admission), uid })
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
        assert!(admission.enter(&options, 7, false));
        assert!(admission.enter(&options, 7, false));
        assert!(!admission.enter(&options, 8, false));
        for _ in 0..RESERVED {
            assert!(admission.enter(&options, 0, true));
        }
        assert!(!admission.enter(&options, 0, true));
        admission.leave(7);
        assert!(admission.enter(&options, 0, true));
        assert_eq!(admission.open(), 2 + RESERVED);
    }

    #[test]
    fn one_user_cannot_take_all_places() {
        let (admission, options) = (Admission::default(), options(0, 1));
        assert!(admission.enter(&options, 7, false));
        assert!(!admission.enter(&options, 7, false));
        assert!(admission.enter(&options, 8, false));
        admission.leave(7);
        assert!(admission.enter(&options, 7, false));
    }
}
