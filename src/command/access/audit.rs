//! The log entries about callers: administrative commands, and refusals.
//!
//! Each entry holds the peer's uid and pid, and the command; never a key nor a value. A flood of
//! equal entries costs the journal ten entries in ten seconds, and one entry with the number of the
//! others. `KVSOCK_LOG=warn,kvsock::command::audit=info` keeps these entries where little else is
//! wanted.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tracing::{info, warn};

use super::caller::Caller;
use super::pace::{Pace, WINDOW};
use crate::handover::KeySpace;
use crate::logging::event;
use crate::logging::event::AUDIT_TARGET as TARGET;

/// The text for an administrative command.
const ADMINISTRATION: &str = "administrative command";
/// The text for a refused WATCH.
const WATCHERS_FULL: &str = "too many clients of one user watch keys";
/// The text for a connection closed because it stood still.
const STALLED: &str = "client closed: it stood still and held memory that others waited for";
/// The text for a connection closed because it had no room.
const OVERRUN: &str =
    "client closed: it took no replies, and there was no memory for more requests";
/// The text that reports entries not logged one by one.
const HELD_BACK: &str = "not logged singly";

/// Writes log entries about callers at a bounded pace.
#[derive(Debug, Default)]
pub struct Audit {
    pace: Mutex<Pace<Subject>>,
    held_back: Notify,
}

/// Entries with the same subject share one pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Subject {
    kind: Kind,
    /// None for a refused connection, which has no command.
    command: Option<&'static str>,
    uid: u32,
}

/// The kinds of entries.
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
    /// The server has too many connections.
    Server,
    /// The user has too many connections.
    User,
}

impl Audit {
    /// Logs that `caller` calls `command`, which is for administrators.
    pub(crate) fn administers(&self, caller: &Caller, command: &'static str) {
        self.tell(Kind::Administration, caller, Some(command), None);
    }

    /// Logs that `caller` calls `command` on the keys `of`.
    pub(crate) fn administers_keys(&self, caller: &Caller, command: &'static str, of: KeySpace) {
        let of = (of != KeySpace::Own).then_some(of);
        self.tell(Kind::Administration, caller, Some(command), of);
    }

    /// Logs that `caller` may not call `command`.
    pub(crate) fn refuses(&self, caller: &Caller, command: &'static str) {
        self.tell(Kind::Refused, caller, Some(command), None);
    }

    /// Logs that `caller` may not watch keys on one more connection.
    pub(crate) fn refuses_watch(&self, caller: &Caller) {
        self.tell(Kind::WatchersFull, caller, Some("watch"), None);
    }

    /// Logs that a connection of `caller` finds no place.
    pub fn refuses_connection(&self, caller: &Caller, why: Full) {
        let kind = match why {
            Full::Server => Kind::Full,
            Full::User => Kind::UserFull,
        };
        self.tell(kind, caller, None, None);
    }

    /// Logs that the connection of `caller` is closed because others wait for memory that it holds.
    pub fn closes_stalled(&self, caller: &Caller) {
        self.tell(Kind::Stalled, caller, None, None);
    }

    /// Logs that the connection of `caller` is closed because it stands still without memory for
    /// more requests.
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

    /// Reports entries held back once their time window ends. Sleeps while no entry is held back.
    pub async fn tell_in_time(&self) -> Infallible {
        loop {
            self.held_back.notified().await;
            while self.pace().holds_back() {
                tokio::time::sleep(WINDOW).await;
                self.end(Some(Instant::now()));
            }
        }
    }

    /// Reports all entries held back, before the daemon stops.
    pub fn finish(&self) {
        self.end(None);
    }

    fn end(&self, now: Option<Instant>) {
        let ended = self.pace().end(now);
        for (subject, times) in ended {
            tell_held_back(subject, times);
        }
    }

    /// No code panics under the lock, so that the data of a poisoned lock is sound.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::captured::targets;

    #[test]
    fn every_entry_has_the_target_that_the_manual_names() {
        let kinds = [
            Kind::Administration,
            Kind::Refused,
            Kind::Full,
            Kind::UserFull,
            Kind::WatchersFull,
            Kind::Stalled,
            Kind::Overrun,
        ];
        for kind in kinds {
            let subject = Subject { kind, command: Some("cleardb"), uid: 1000 };
            let found = targets(|| {
                subject.tell(Some(1), None);
                tell_held_back(Some(subject), 2);
            });
            assert_eq!(found, ["kvsock::command::audit"; 2], "{kind:?}");
        }
        assert_eq!(targets(|| tell_held_back(None, 2)), ["kvsock::command::audit"]);
    }
}
