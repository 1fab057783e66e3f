//! EXEC, and the queueing of commands before it.
//!
//! MULTI queues checked work in the session. EXEC gives all of it to `Store::transact_within`. The
//! embedded engine commits it as one. The Valkey engines send MULTI, the operations and EXEC as one
//! pipeline.

use std::sync::Arc;

use super::check::{may, narrow, tell};
use crate::command::builtin::transaction::without;
use crate::command::builtin::{dispatch, keyspace};
use crate::command::context::Context;
use crate::command::session::state::{Session, Watched};
use crate::command::table::{Command, Local, Own, of_store};
use crate::command::work::{By, Work};
use crate::memory::ClientShare;
use crate::message::{Args, ErrorReply, Reply, refusal};
use crate::store::Operation;

/// After this many commands that do not wait, other tasks get a turn.
const TURN: usize = 32;

/// The store's part of CLEARDB.
const CLEAR: &Command = of_store("FLUSHDB");

/// The treatment of a command after MULTI.
pub(crate) enum Place {
    /// The command waits for EXEC.
    Queue,
    /// The command is carried out at once.
    Now,
    /// The command is refused, and the transaction with it.
    Nowhere,
}

/// The treatment of a command after MULTI.
pub(crate) fn place(command: &Command, by: By) -> Place {
    match by {
        By::Store if command.spec.own == Own::Save => Place::Nowhere,
        By::Local(Local::Multi | Local::Watch | Local::Shutdown | Local::KeySpace) => {
            Place::Nowhere
        }
        By::Local(Local::Exec | Local::Discard | Local::Quit | Local::Reset) => Place::Now,
        _ => Place::Queue,
    }
}

/// The reply that refuses a command which cannot be part of this transaction; none if it can.
pub(crate) fn refusal(session: &Session, work: &Work) -> Option<Reply> {
    let command = match work.by {
        By::Store => work.command,
        // CLEARDB on the caller's own key space.
        By::Local(Local::ClearDb) if work.args.is_empty() => CLEAR,
        By::Local(Local::ClearDb) => return Some(refused()),
        By::Local(_) => return None,
    };
    session.store.as_ref()?.refuses_in_transaction(&command.spec).map(Reply::Error)
}

/// Queues a command for EXEC.
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

/// Makes EXEC refuse the transaction, if there is one, because a command was refused.
pub(crate) fn spoil(session: &mut Session) {
    if let Some(queue) = &mut session.queue {
        queue.is_spoilt = true;
    }
}

/// The reply to a command that is not allowed in a transaction.
pub(crate) fn refused() -> Reply {
    Reply::failed("Command not allowed inside a transaction")
}

/// The reply to an EXEC with wrong arguments, which ends the transaction.
pub(crate) fn misused(session: &mut Session, command: &Command) -> Reply {
    session.end_transaction();
    Reply::coded(format!(
        "EXECABORT Transaction discarded because of: wrong number of arguments for '{}' command",
        command.name
    ))
}

/// Executes the transaction.
pub(crate) async fn exec(
    context: &Arc<Context>,
    session: &mut Session,
    share: &mut ClientShare,
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
    // Memory beside the queue's; the arguments are shared with it.
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
            // The commands were executed all the same.
            None => return Reply::Error(refusal::too_long(session.max_reply, "")),
        }
        replies.push(reply);
    }
    Reply::Array(replies)
}

/// One command of a transaction that is being executed.
enum Step {
    /// The reply comes from the store.
    Store,
    Refused(ErrorReply),
    Local(&'static Command, Local, Args),
}

/// The steps of a transaction, and the operations among them for the store. The caller may have
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
                operations.push(Operation { command: CLEAR, args });
                Step::Store
            }
            By::Local(which) => Step::Local(command, which, args),
            By::Store => {
                if let Err(error) = narrow(command, &mut args) {
                    return Step::Refused(error);
                }
                tell(context, session, command);
                operations.push(Operation { command, args });
                Step::Store
            }
        }
    });
    (steps.collect(), operations)
}
