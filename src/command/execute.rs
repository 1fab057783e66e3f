//! A connection's requests into replies: checks first, then one batch for the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::check::{Work, check, narrow, tell};
use super::context::{Context, Counters};
use super::local;
use super::session::Session;
use super::table::{Command, Local, find};
use super::transaction::{self, Place};
use crate::message::{ErrorReply, Reply, Request};
use crate::store::{Operation, Verb};

/// What the connection does when the replies are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Goes on.
    Continue,
    /// Closes.
    Close,
    /// Lets the daemon stop.
    Shutdown,
}

/// Carries out `requests` of one connection, in order, and appends a reply for each to `replies`.
/// What follows a request that ends the connection is not carried out and gets no reply.
///
/// The requests for the store travel as one batch, so that many cost one round trip.
pub async fn execute(
    context: &Arc<Context>,
    session: &mut Session,
    requests: impl IntoIterator<Item = Result<Request, Reply>>,
    replies: &mut Vec<Reply>,
) -> Next {
    let first = replies.len();
    let mut next = Next::Continue;
    let mut batch = Batch::default();
    let mut newest = "";
    for request in requests {
        let checked = match request {
            Err(reply) => Err(refuse(session, reply)),
            Ok(request) => {
                check(context, session, request).map_err(|error| refuse_error(session, error))
            }
        };
        let work = match checked.and_then(|work| queue(session, work)) {
            Ok(work) => work,
            Err(reply) => {
                replies.push(reply);
                continue;
            }
        };
        match work {
            Work::Store(command, operation) => {
                newest = command.full_name;
                match narrow(command, operation) {
                    Ok(operation) => {
                        tell(context, session, command);
                        batch.push(replies, command, operation);
                    }
                    Err(error) => replies.push(Reply::Error(error)),
                }
            }
            Work::Local(command, which, args) => {
                newest = command.full_name;
                note(session, newest, 0);
                tell(context, session, command);
                if needs_order(which) {
                    // It comes after what was asked before.
                    batch.run(context, session, replies).await;
                }
                let reply = match which {
                    Local::Exec => Box::pin(transaction::exec(context, session)).await,
                    _ => local::run(context, session, command, which, &args).await,
                };
                replies.push(reply);
                next = match which {
                    Local::Quit => Next::Close,
                    Local::Shutdown => Next::Shutdown,
                    _ => continue,
                };
                break;
            }
        }
    }
    batch.run(context, session, replies).await;
    let given = &mut replies[first..];
    note(session, newest, given.len());
    count(&context.counters, given);
    name_store(context, given);
    next
}

/// Whether a command of the daemon's own shows or depends on what was asked before.
fn needs_order(local: Local) -> bool {
    matches!(
        local,
        Local::Status
            | Local::ClearDb
            | Local::KeySpace
            | Local::Info
            | Local::Watch
            | Local::Unwatch
            | Local::Exec
            | Local::Discard
    )
}

/// The reply to what was no request.
fn refuse(session: &mut Session, reply: Reply) -> Reply {
    transaction::spoil(session);
    reply
}

/// The reply to a request that did not pass the checks.
fn refuse_error(session: &mut Session, error: ErrorReply) -> Reply {
    if let ErrorReply::Misuse { command: "exec", .. } = error
        && let Some(command) = find(b"exec")
    {
        return transaction::misused(session, command);
    }
    refuse(session, Reply::Error(error))
}

/// Inside a transaction, lets the work wait: the reply says so. Otherwise gives it back.
fn queue(session: &mut Session, work: Work) -> Result<Work, Reply> {
    if session.queue.is_none() {
        return Ok(work);
    }
    match transaction::place(&work) {
        Place::Now => Ok(work),
        Place::Queue => Err(transaction::enqueue(session, work)),
        Place::Nowhere => Err(refuse(session, transaction::refused())),
    }
}

/// Notes for CLIENT LIST what the connection did last.
fn note(session: &Session, command: &'static str, replies: usize) {
    let mut about = session.client().about();
    if !command.is_empty() {
        about.command = command;
    }
    about.active = Instant::now();
    about.commands += replies as u64;
}

/// Operations on their way to the store, and where their replies belong.
#[derive(Default)]
struct Batch {
    operations: Vec<Operation>,
    /// For each operation the place of its reply, and the command it was called by.
    places: Vec<(usize, &'static Command)>,
}

impl Batch {
    fn push(&mut self, replies: &mut Vec<Reply>, command: &'static Command, operation: Operation) {
        self.places.push((replies.len(), command));
        self.operations.push(operation);
        replies.push(Reply::Nil);
    }

    async fn run(&mut self, context: &Context, session: &Session, replies: &mut [Reply]) {
        // Where there is no store, there is no operation that passed the checks.
        let Some(store) = session.store.as_ref().filter(|_| !self.operations.is_empty()) else {
            return;
        };
        let answers = store.execute(std::mem::take(&mut self.operations)).await;
        debug_assert_eq!(answers.len(), self.places.len(), "the store answers every operation");
        let (mut hits, mut misses) = (0, 0);
        for ((place, command), answer) in self.places.drain(..).zip(answers) {
            if command.run == super::table::Run::Store(Verb::Get) {
                match answer {
                    Reply::Value(_) => hits += 1,
                    Reply::Nil => misses += 1,
                    _ => {}
                }
            }
            replies[place] = match answer {
                Reply::Error(ErrorReply::OutcomeUnknown(_)) => {
                    Reply::Error(ErrorReply::OutcomeUnknown(command.full_name))
                }
                answer => answer,
            };
        }
        Counters::add(&context.counters.hits, hits);
        Counters::add(&context.counters.misses, misses);
    }
}

/// Lets those who are told that there is no store know which, since they may not know the settings.
fn name_store(context: &Context, replies: &mut [Reply]) {
    for reply in replies {
        if let Reply::Error(ErrorReply::Unavailable(why)) = reply {
            *why = format!("{}: {why}", context.store_url).into();
        }
    }
}

fn count(counters: &Counters, replies: &[Reply]) {
    let errors = replies.iter().filter(|reply| matches!(reply, Reply::Error(_))).count();
    counters.requests.fetch_add(replies.len() as u64, Ordering::Relaxed);
    Counters::add(&counters.errors, errors as u64);
}
