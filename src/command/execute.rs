//! A connection's requests into replies: checks first, then one batch for the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::caller::Caller;
use super::context::Context;
use super::table::{Command, Local, Run, Who, find};
use super::{help, status};
use crate::message::{Args, ErrorReply, Reply, Request};
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
    caller: &Caller,
    requests: impl IntoIterator<Item = Result<Request, Reply>>,
    replies: &mut Vec<Reply>,
) -> Next {
    let first = replies.len();
    let mut next = Next::Continue;
    let mut batch = Batch::default();
    for request in requests {
        match request.and_then(|request| check(context, caller, request)) {
            Err(reply) => replies.push(reply),
            Ok(Work::Store(name, operation)) => batch.push(replies, name, operation),
            Ok(Work::Local(local, args)) => {
                if local == Local::Status {
                    // What it shows comes after what was asked before.
                    batch.run(context, replies).await;
                }
                replies.push(run(context, local, &args).await);
                next = match local {
                    Local::Quit => Next::Close,
                    Local::Shutdown => Next::Shutdown,
                    _ => continue,
                };
                break;
            }
        }
    }
    batch.run(context, replies).await;
    count(context, &replies[first..]);
    next
}

/// What is to be done for one request that passed all checks.
enum Work {
    /// The store does it; the name is the one it was called by.
    Store(&'static str, Operation),
    Local(Local, Args),
}

fn check(context: &Context, caller: &Caller, request: Request) -> Result<Work, Reply> {
    let Some(command) = find(&request.name) else {
        return Err(Reply::Error(ErrorReply::Unknown(request.name, request.args)));
    };
    let count = request.args.len();
    if count < command.arguments.least || count > command.arguments.most {
        return Err(misuse(command));
    }
    if command.who == Who::Administrators && !context.administrators.include(caller) {
        return Err(Reply::Error(ErrorReply::Forbidden(command.name)));
    }
    Ok(match command.run {
        Run::Local(Local::Status)
            if request.args.first().is_some_and(|word| !word.eq_ignore_ascii_case(b"json")) =>
        {
            return Err(misuse(command));
        }
        Run::Local(local) => Work::Local(local, request.args),
        Run::Store(Verb::Last) if !is_positive(&request.args[0]) => return Err(misuse(command)),
        Run::Store(verb) => Work::Store(command.name, Operation { verb, args: request.args }),
    })
}

/// The command was called wrongly.
fn misuse(command: &Command) -> Reply {
    let (command, rule) = (command.name, command.arguments.rule);
    Reply::Error(ErrorReply::Misuse { command, rule })
}

/// Whether `text` is a whole number above 0, of whatever size.
fn is_positive(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit) && text.iter().any(|digit| *digit != b'0')
}

async fn run(context: &Arc<Context>, local: Local, args: &[Bytes]) -> Reply {
    match local {
        Local::Help => help::reply(args.first()),
        Local::Ping => Reply::Status("pong"),
        Local::Quit => Reply::Status("BYE"),
        Local::RtKey => Reply::Value(Bytes::copy_from_slice(&context.keys.rtkey())),
        Local::Shutdown => Reply::Status("Shutting down server..."),
        Local::Status if args.is_empty() => status::text(context).await,
        Local::Status => status::json(context).await,
        Local::TxKey => Reply::Value(Bytes::copy_from_slice(&context.keys.txkey())),
        Local::Version => Reply::Status(concat!("v", env!("CARGO_PKG_VERSION"))),
    }
}

/// Operations on their way to the store, and where their replies belong.
#[derive(Default)]
struct Batch {
    operations: Vec<Operation>,
    /// For each operation the place of its reply, and the name it was called by.
    places: Vec<(usize, &'static str)>,
}

impl Batch {
    fn push(&mut self, replies: &mut Vec<Reply>, name: &'static str, operation: Operation) {
        self.places.push((replies.len(), name));
        self.operations.push(operation);
        replies.push(Reply::Nil);
    }

    async fn run(&mut self, context: &Context, replies: &mut [Reply]) {
        if self.operations.is_empty() {
            return;
        }
        let answers = context.store.execute(std::mem::take(&mut self.operations)).await;
        debug_assert_eq!(answers.len(), self.places.len(), "the store answers every operation");
        for ((place, name), answer) in self.places.drain(..).zip(answers) {
            replies[place] = match answer {
                Reply::Error(ErrorReply::OutcomeUnknown(_)) => {
                    Reply::Error(ErrorReply::OutcomeUnknown(name))
                }
                answer => answer,
            };
        }
    }
}

fn count(context: &Context, replies: &[Reply]) {
    let errors = replies.iter().filter(|reply| matches!(reply, Reply::Error(_))).count();
    let counters = &context.counters;
    counters.requests.fetch_add(replies.len() as u64, Ordering::Relaxed);
    if errors > 0 {
        counters.errors.fetch_add(errors as u64, Ordering::Relaxed);
    }
}
