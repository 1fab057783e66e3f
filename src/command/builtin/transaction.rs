//! MULTI, DISCARD, WATCH and UNWATCH. EXEC is in `execute/transaction.rs`, since it calls other
//! commands.

use std::sync::Arc;

use bytes::Bytes;

use crate::command::context::Context;
use crate::command::session::queue::Queue;
use crate::command::session::state::{Session, Watched};
use crate::message::{ErrorReply, Reply};

/// The most keys that one client watches: their cost in the store grows with the square of their
/// number.
const MOST_WATCHED: usize = 1000;
/// The longest watched key, in bytes. The daemon keeps each key as long as it is watched.
const LONGEST_WATCHED: usize = 4096;

/// Begins a transaction.
pub(crate) fn multi(session: &mut Session) -> Reply {
    session.queue = Some(Queue::default());
    session.client().about().queued = Some(0);
    Reply::OK
}

/// Ends the transaction without executing it.
pub(crate) fn discard(session: &mut Session) -> Reply {
    if session.queue.is_none() {
        return without("DISCARD");
    }
    session.end_transaction();
    Reply::OK
}

/// Forgets the watched keys.
pub(crate) fn unwatch(session: &mut Session) -> Reply {
    session.forget_watched();
    Reply::OK
}

/// Watches keys in addition to those watched already. All earlier requests are answered.
pub(crate) async fn watch(context: &Context, session: &mut Session, keys: &[Bytes]) -> Reply {
    let before = match std::mem::replace(&mut session.watched, Watched::Lost) {
        Watched::Nothing => None,
        Watched::Keys(watch) => Some(watch),
        // EXEC will reply nil, whatever else is watched.
        Watched::Lost => return Reply::OK,
    };
    let mut new = Vec::new();
    for key in keys.iter().filter(|key| key.len() <= LONGEST_WATCHED) {
        let key = Bytes::copy_from_slice(key);
        if session.watched_keys.insert(key.clone()) {
            new.push(key);
        }
        if session.watched_keys.len() > MOST_WATCHED {
            return Reply::failed(format!("too many watched keys: more than {MOST_WATCHED}"));
        }
    }
    if keys.iter().any(|key| key.len() > LONGEST_WATCHED) {
        return Reply::failed(format!("watched key longer than {LONGEST_WATCHED} bytes"));
    }
    let store = match session.store() {
        Ok(store) => Arc::clone(store),
        Err(error) => return Reply::Error(error),
    };
    let account = context.accounts.of(session.caller().uid);
    match store.watch_for(&account, before, new).await {
        Ok(watch) => {
            session.watched = Watched::Keys(watch);
            session.client().about().watched = session.watched_keys.len();
            Reply::OK
        }
        Err(error) => {
            if store.is_exhausted_by(&account) {
                context.users.audit.refuses_watch(session.caller());
            }
            Reply::Error(error)
        }
    }
}

/// The reply to a command that needs a transaction and has none.
pub(crate) fn without(command: &str) -> Reply {
    Reply::Error(ErrorReply::Failed(format!("{command} without MULTI").into()))
}
