//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.

use std::sync::Arc;

use bytes::Bytes;

use super::check::{By, Work, may, narrow, tell};
use crate::command::builtin::{dispatch, keyspace};
use crate::command::context::Context;
use crate::command::session::queue::Queue;
use crate::command::session::state::{Session, Watched};
use crate::command::table::{Command, Local};
use crate::memory::Share;
use crate::message::{Args, ErrorReply, Reply, refusal};
use crate::store::{Operation, Verb};

/// The most keys that one client watches: their cost in the store grows with their square.
const MOST_WATCHED: usize = 1000;
/// The longest of them, in bytes, since each is kept as long as it is watched.
const LONGEST_WATCHED: usize = 4096;
/// Commands that ask nobody, between which others have their turn.
const TURN: usize = 32;

/// What may be done in a transaction with a command that came after MULTI.
pub(crate) enum Place {
    /// It waits for EXEC.
    Queue,
    /// It is carried out at once.
    Now,
    /// It is refused, and the transaction with it.
    Nowhere,
}

/// Where a command that came after MULTI has its place.
pub(crate) fn place(by: By) -> Place {
    match by {
        By::Store(Verb::Save)
        | By::Local(Local::Multi | Local::Watch | Local::Shutdown | Local::KeySpace) => {
            Place::Nowhere
        }
        By::Local(Local::Exec | Local::Discard | Local::Quit | Local::Reset) => Place::Now,
        _ => Place::Queue,
    }
}

/// Why a command that may wait for EXEC cannot be carried out then.
pub(crate) fn refusal(session: &Session, work: &Work) -> Option<Reply> {
    let verb = match work.by {
        By::Store(verb) => verb,
        // Those of the caller's own key space.
        By::Local(Local::ClearDb) if work.args.is_empty() => Verb::Clear,
        By::Local(Local::ClearDb) => return Some(refused()),
        By::Local(_) => return None,
    };
    session.store.as_ref()?.refuses_in_transaction(verb).map(Reply::Error)
}

/// Lets a command wait for EXEC.
pub(crate) fn enqueue(session: &mut Session, work: &Work) -> Reply {
    let (limit, is_text) = (session.max_queue, session.is_text());
    let Some(queue) = &mut session.queue else { return without("EXEC") };
    if !queue.push(work, is_text, limit) {
        queue.is_spoilt = true;
        return Reply::failed(format!("transaction longer than {limit} bytes"));
    }
    let count = queue.len();
    session.client().about().queued = Some(count);
    Reply::Status("QUEUED")
}

/// A command was refused: if there is a transaction, EXEC will refuse it.
pub(crate) fn spoil(session: &mut Session) {
    if let Some(queue) = &mut session.queue {
        queue.is_spoilt = true;
    }
}

/// The reply to a command that has no place in a transaction.
pub(crate) fn refused() -> Reply {
    Reply::failed("Command not allowed inside a transaction")
}

/// The reply to an EXEC that was called wrongly, which ends the transaction.
pub(crate) fn misused(session: &mut Session, command: &Command) -> Reply {
    session.end_transaction();
    Reply::coded(format!(
        "EXECABORT Transaction discarded because of: wrong number of arguments for '{}' command",
        command.name
    ))
}

/// Begins a transaction.
pub(crate) fn multi(session: &mut Session) -> Reply {
    session.queue = Some(Queue::default());
    session.client().about().queued = Some(0);
    Reply::OK
}

/// Forgets the transaction.
pub(crate) fn discard(session: &mut Session) -> Reply {
    if session.queue.is_none() {
        return without("DISCARD");
    }
    session.end_transaction();
    Reply::OK
}

/// Forgets what was watched.
pub(crate) fn unwatch(session: &mut Session) -> Reply {
    session.forget_watched();
    Reply::OK
}

/// Watches keys, besides those that are watched already. Everything before it was answered.
pub(crate) async fn watch(context: &Context, session: &mut Session, keys: &[Bytes]) -> Reply {
    let before = match std::mem::replace(&mut session.watched, Watched::Lost) {
        Watched::Nothing => None,
        Watched::Keys(watch) => Some(watch),
        // EXEC will do nothing, whatever else is watched.
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
                context.audit.refuses_watch(session.caller());
            }
            Reply::Error(error)
        }
    }
}

/// Carries out the transaction.
pub(crate) async fn exec(
    context: &Arc<Context>,
    session: &mut Session,
    share: &mut Share,
) -> Reply {
    let Some(queue) = session.queue.take() else { return without("EXEC") };
    let watched = std::mem::take(&mut session.watched);
    session.end_transaction();
    if queue.is_spoilt {
        return Reply::coded("EXECABORT Transaction discarded because of previous errors.");
    }
    let watch = match watched {
        Watched::Nothing => None,
        Watched::Keys(watch) => Some(watch),
        Watched::Lost => return Reply::NilList,
    };
    // Beside the queue, whose arguments they share.
    let mut hold = share.hold();
    hold.force(queue.len() * (size_of::<Step>() + size_of::<Operation>() + size_of::<Reply>()));
    let (steps, operations) = steps(context, session, queue.into_works());
    let mut answers = Vec::new().into_iter();
    if watch.is_some() || !operations.is_empty() {
        let store = match session.store() {
            Ok(store) => Arc::clone(store),
            Err(error) => return Reply::Error(error),
        };
        match store.transact_within(watch, operations, share).await {
            Reply::Array(replies) => answers = replies.into_iter(),
            refusal => return refusal,
        }
    }
    let mut replies = Vec::with_capacity(steps.len());
    let mut room = session.max_reply;
    for (number, step) in steps.into_iter().enumerate() {
        if number % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let reply = match step {
            Step::Store => answers.next().unwrap_or(Reply::Nil),
            Step::Refused(error) => Reply::Error(error),
            Step::Local(_, Local::Unwatch, _) => Reply::OK,
            Step::Local(command, which, args) => {
                dispatch::run(context, session, command, which, &args).await
            }
        };
        match room.checked_sub(reply.data_len()) {
            Some(left) => room = left,
            // What was done is done.
            None => return Reply::Error(refusal::too_long(session.max_reply, "")),
        }
        replies.push(reply);
    }
    Reply::Array(replies)
}

/// One command of a transaction that is carried out.
enum Step {
    /// Its reply comes from the store.
    Store,
    Refused(ErrorReply),
    Local(&'static Command, Local, Args),
}

/// The steps of a transaction, and the operations of those that the store does. The caller may have
/// lost the right to a command since it was queued.
fn steps(
    context: &Context,
    session: &mut Session,
    works: impl Iterator<Item = Work>,
) -> (Vec<Step>, Vec<Operation>) {
    let mut operations = Vec::new();
    let steps = works.map(|Work { command, by, mut args }| {
        if let Err(error) = may(context, session, command) {
            return Step::Refused(error);
        }
        match by {
            By::Local(Local::ClearDb) => {
                keyspace::tell_clear(context, session);
                operations.push(Operation { verb: Verb::Clear, args });
                Step::Store
            }
            By::Local(which) => Step::Local(command, which, args),
            By::Store(verb) => {
                if let Err(error) = narrow(command, verb, &mut args) {
                    return Step::Refused(error);
                }
                tell(context, session, command);
                operations.push(Operation { verb, args });
                Step::Store
            }
        }
    });
    (steps.collect(), operations)
}

fn without(command: &str) -> Reply {
    Reply::Error(ErrorReply::Failed(format!("{command} without MULTI").into()))
}
