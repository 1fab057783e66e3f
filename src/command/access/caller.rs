//! The peer's identity as the kernel reports it, and the set of administrators.

use std::sync::atomic::{AtomicI64, Ordering};

/// The uid that the kernel reports for a user without a mapping into this user namespace. Many
/// users may share it, so that it identifies none of them.
const OVERFLOW_UID: u32 = 65534;

/// The peer of a connection at the moment it connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Box<[u32]>,
    /// Process id, if the process is visible in the daemon's pid namespace.
    pub pid: Option<i32>,
}

impl Caller {
    /// Whether the kernel could name the user.
    pub(crate) fn is_somebody(&self) -> bool {
        self.uid != OVERFLOW_UID
    }

    /// Whether both callers are certainly the same user.
    pub(crate) fn is_same_user(&self, other: &Caller) -> bool {
        self.uid == other.uid && self.is_somebody()
    }
}

/// The set of administrators: root, the daemon's own user, and the members of one group.
#[derive(Debug)]
pub struct Administrators {
    own_uid: u32,
    /// The group's id; negative for none. It may change while the daemon runs.
    gid: AtomicI64,
}

impl Administrators {
    /// Root, `own_uid`, and members of `gid`.
    pub fn new(own_uid: u32, gid: Option<u32>) -> Administrators {
        Administrators { own_uid, gid: AtomicI64::new(gid.map_or(-1, i64::from)) }
    }

    /// Replaces the group, for all later requests.
    pub fn set_group(&self, gid: Option<u32>) {
        self.gid.store(gid.map_or(-1, i64::from), Ordering::Relaxed);
    }

    /// Whether `caller` is an administrator.
    pub fn include(&self, caller: &Caller) -> bool {
        if caller.uid == OVERFLOW_UID {
            return false;
        }
        if caller.uid == 0 || caller.uid == self.own_uid {
            return true;
        }
        let group = self.gid.load(Ordering::Relaxed);
        std::iter::once(&caller.gid).chain(&caller.groups).any(|gid| i64::from(*gid) == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(uid: u32, gid: u32, groups: &[u32]) -> Caller {
        Caller { uid, gid, groups: groups.into(), pid: None }
    }

    #[test]
    fn administrators_are_root_the_daemons_user_and_the_groups_members() {
        let administrators = Administrators::new(100, Some(50));
        assert!(administrators.include(&caller(0, 1, &[])));
        assert!(administrators.include(&caller(100, 1, &[])));
        assert!(administrators.include(&caller(7, 50, &[])));
        assert!(administrators.include(&caller(7, 1, &[3, 50])));
        assert!(!administrators.include(&caller(7, 0, &[100])));
        administrators.set_group(None);
        assert!(!administrators.include(&caller(7, 50, &[50])));
    }

    #[test]
    fn the_overflow_uid_is_never_an_administrator() {
        let administrators = Administrators::new(OVERFLOW_UID, Some(50));
        assert!(!administrators.include(&caller(OVERFLOW_UID, 50, &[50])));
    }
}
