//! What the log tells of people: who administered, and who was refused.
//!
//! Each entry has the peer's uid and pid, and the command; never a key nor a value. A flood of
//! the same costs the journal ten entries in ten seconds and one that tells how many more there
//! were. `KVSOCK_LOG=warn,kvsock::command::audit=info` keeps these where little else is wanted.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tracing::{info, warn};

use super::caller::Caller;
use super::pace::{Pace, WINDOW};
use crate::handover::KeySpace;
use crate::logging::event;

/// The target of every entry, which `KVSOCK_LOG` may name: the same wherever this file lies.
const TARGET: &str = "kvsock::command::audit";

/// What is said of administrators.
const ADMINISTRATION: &str = "administrative command";
/// What is said of too many that watch.
const WATCHERS_FULL: &str = "too many clients of one user watch keys";
/// What is said of who stands still.
const STALLED: &str = "client closed: it stood still and held memory that others waited for";
/// What is said of who has no room.
const OVERRUN: &str =
    "client closed: it took no replies, and there was no memory for more requests";
/// What is said of what is not said.
const HELD_BACK: &str = "not logged singly";

/// Tells, at a bounded pace.
#[derive(Debug, Default)]
pub struct Audit {
    pace: Mutex<Pace<Subject>>,
    held_back: Notify,
}

/// What is told at a pace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Subject {
    kind: Kind,
    /// Of a connection that was refused there is none.
    command: Option<&'static str>,
    uid: u32,
}

/// What may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Administration,
    Refused,
    Full,
    UserFull,
    WatchersFull,
    Stalled,
    Overrun,
}

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There are too many.
    Server,
    /// There are too many of its user.
    User,
}

impl Audit {
    /// `caller` may call `command`, which is for administrators, and does.
    pub(crate) fn administers(&self, caller: &Caller, command: &'static str) {
        self.tell(Kind::Administration, caller, Some(command), None);
    }

    /// The same, with these keys.
    pub(crate) fn administers_keys(&self, caller: &Caller, command: &'static str, of: KeySpace) {
        let of = (of != KeySpace::Own).then_some(of);
        self.tell(Kind::Administration, caller, Some(command), of);
    }

    /// `caller` may not call `command`.
    pub(crate) fn refuses(&self, caller: &Caller, command: &'static str) {
        self.tell(Kind::Refused, caller, Some(command), None);
    }

    /// `caller` may not watch keys from one more connection.
    pub(crate) fn refuses_watch(&self, caller: &Caller) {
        self.tell(Kind::WatchersFull, caller, Some("watch"), None);
    }

    /// There is no place for a connection of `caller`.
    pub fn refuses_connection(&self, caller: &Caller, why: Full) {
        let kind = match why {
            Full::Server => Kind::Full,
            Full::User => Kind::UserFull,
        };
        self.tell(kind, caller, None, None);
    }

    /// The connection of `caller` is closed, for others wait for memory that it holds.
    pub fn closes_stalled(&self, caller: &Caller) {
        self.tell(Kind::Stalled, caller, None, None);
    }

    /// The connection of `caller` is closed, for it stands still and there is no memory for it.
    pub fn closes_overrun(&self, caller: &Caller) {
        self.tell(Kind::Overrun, caller, None, None);
    }

    fn tell(
        &self,
        kind: Kind,
        caller: &Caller,
        command: Option<&'static str>,
        keys: Option<KeySpace>,
    ) {
        let subject = Subject { kind, command, uid: caller.uid };
        let due = self.pace().happens(subject, Instant::now());
        if due.held_back > 0 {
            tell_held_back(Some(subject), due.held_back);
        }
        if due.tell {
            subject.tell(caller.pid, keys);
        } else {
            self.held_back.notify_one();
        }
    }

    /// Tells in time what was held back. Sleeps as long as there is no such thing.
    pub async fn tell_in_time(&self) -> Infallible {
        loop {
            self.held_back.notified().await;
            while self.pace().holds_back() {
                tokio::time::sleep(WINDOW).await;
                self.end(Some(Instant::now()));
            }
        }
    }

    /// Tells everything that was held back: the daemon stops.
    pub fn finish(&self) {
        self.end(None);
    }

    fn end(&self, now: Option<Instant>) {
        let ended = self.pace().end(now);
        for (subject, times) in ended {
            tell_held_back(subject, times);
        }
    }

    /// Nothing panics under the lock, so that a poisoned one is as good.
    fn pace(&self) -> MutexGuard<'_, Pace<Subject>> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject {
    fn tell(self, pid: Option<i32>, keys: Option<KeySpace>) {
        let Subject { kind, command, uid } = self;
        match kind {
            Kind::Administration => info!(
                target: TARGET, message_id = event::ADMINISTRATION,
                peer_uid = uid,
                peer_pid = pid,
                command,
                key_space = keys.map(tracing::field::display),
                "{ADMINISTRATION}"
            ),
            Kind::Refused => {
                warn!(
                    target: TARGET, message_id = event::REFUSED,
                    peer_uid = uid,
                    peer_pid = pid,
                    command,
                    "command refused"
                );
            }
            Kind::Full => {
                warn!(target: TARGET, message_id = event::FULL, peer_uid = uid, peer_pid = pid, "too many clients");
            }
            Kind::UserFull => {
                warn!(
                    target: TARGET, message_id = event::USER_FULL,
                    peer_uid = uid,
                    peer_pid = pid,
                    "too many clients of one user"
                );
            }
            Kind::WatchersFull => {
                warn!(
                    target: TARGET, message_id = event::WATCHERS_FULL,
                    peer_uid = uid,
                    peer_pid = pid,
                    command,
                    "{WATCHERS_FULL}"
                );
            }
            Kind::Stalled => {
                warn!(target: TARGET, message_id = event::STALLED, peer_uid = uid, peer_pid = pid, "{STALLED}");
            }
            Kind::Overrun => {
                warn!(target: TARGET, message_id = event::OVERRUN, peer_uid = uid, peer_pid = pid, "{OVERRUN}");
            }
        }
    }
}

fn tell_held_back(subject: Option<Subject>, times: u64) {
    let what = match subject.map(|subject| subject.kind) {
        Some(Kind::Administration) => ADMINISTRATION,
        Some(Kind::Refused) => "command refused",
        Some(Kind::Full) => "too many clients",
        Some(Kind::UserFull) => "too many clients of one user",
        Some(Kind::WatchersFull) => WATCHERS_FULL,
        Some(Kind::Stalled) => STALLED,
        Some(Kind::Overrun) => OVERRUN,
        None => "commands and refusals",
    };
    let peer_uid = subject.map(|subject| subject.uid);
    let command = subject.and_then(|subject| subject.command);
    if what == ADMINISTRATION {
        info!(target: TARGET, message_id = event::HELD_BACK, peer_uid, command, what, times, "{HELD_BACK}");
    } else {
        warn!(target: TARGET, message_id = event::HELD_BACK, peer_uid, command, what, times, "{HELD_BACK}");
    }
}
