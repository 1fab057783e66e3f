//! A connection's requests into replies: checks first, then one batch for the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::check::{By, Work, check, narrow, tell};
use super::context::{Context, Counters};
use super::local;
use super::session::Session;
use super::table::{Command, Local, find};
use super::transaction::{self, Place};
use crate::memory::Share;
use crate::message::{Args, ErrorReply, Reply, Request};
use crate::store::{Operation, Verb};

/// What the connection does when the replies are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Goes on.
    Continue,
    /// Takes the replies that are there and sends them, since there is no room for more, and then
    /// runs the same execution again.
    Rest,
    /// Closes.
    Close,
    /// Lets the daemon stop.
    Shutdown,
}

/// Requests of one connection on their way to replies.
#[derive(Default)]
pub struct Execution {
    requests: VecDeque<Result<Request, Reply>>,
    /// What the daemon does itself once all before it is answered.
    waiting: Option<(&'static Command, Local, Args)>,
    batch: Batch,
    replies: Vec<Reply>,
}

impl Execution {
    /// Appends a request, or the reply to what was none.
    pub fn push(&mut self, request: Result<Request, Reply>) {
        self.requests.push_back(request);
    }

    /// Makes room for so many requests.
    pub fn reserve(&mut self, count: usize) {
        self.requests.reserve(count);
    }

    /// How many requests are not looked at yet.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Takes the replies that are there, in order, and counts them.
    pub fn take_replies(
        &mut self,
        context: &Context,
        session: &Session,
    ) -> impl Iterator<Item = Reply> {
        let ready = self.batch.places.front().map_or(self.replies.len(), |(place, _)| *place);
        self.batch.places.iter_mut().for_each(|(place, _)| *place -= ready);
        note(session, "", ready);
        name_store(context, &mut self.replies[..ready]);
        count(&context.counters, &self.replies[..ready]);
        self.replies.drain(..ready)
    }

    /// Carries out the requests, in order, until all have their replies or there is no room for
    /// more of these, see [`Next::Rest`]. What follows a request that ends the connection is not
    /// carried out and gets no reply.
    ///
    /// The requests for the store travel as one batch, so that many cost one round trip.
    pub async fn run(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut Share,
    ) -> Next {
        let mut newest = "";
        self.replies.reserve(self.requests.len());
        self.batch.reserve(self.requests.len());
        loop {
            if let Some(local) = self.waiting.take() {
                // It comes after what was asked before, which may have to be sent before it.
                let is_answered = self.batch.run(context, session, share, &mut self.replies).await;
                if !is_answered || (local.1 == Local::Exec && share.must_send()) {
                    self.waiting = Some(local);
                    return Next::Rest;
                }
                match self.run_local(context, session, share, local).await {
                    Next::Continue => {}
                    next => return next,
                }
            }
            // Looked at where it lies; what is moved is its arguments, once.
            let request = match self.requests.front_mut() {
                None => break,
                Some(Ok(request)) => request,
                Some(Err(_)) => {
                    if let Some(Err(reply)) = self.requests.pop_front() {
                        self.replies.push(refuse(session, reply));
                    }
                    continue;
                }
            };
            let checked = check(context, session, request);
            let mut args = std::mem::take(&mut request.args);
            self.requests.pop_front();
            let (command, by) = match checked {
                Ok(checked) => checked,
                Err(error) => {
                    self.replies.push(refuse_error(session, error));
                    continue;
                }
            };
            if session.queue.is_some() && !matches!(transaction::place(by), Place::Now) {
                self.replies.push(queue(session, Work { command, by, args }));
                continue;
            }
            match by {
                By::Store(verb) => {
                    newest = command.full_name;
                    match narrow(command, verb, &mut args) {
                        Ok(()) => {
                            tell(context, session, command);
                            self.batch.push(&mut self.replies, command, Operation { verb, args });
                        }
                        Err(error) => self.replies.push(Reply::Error(error)),
                    }
                }
                By::Local(which) => {
                    tell(context, session, command);
                    if needs_order(which) {
                        self.waiting = Some((command, which, args));
                        continue;
                    }
                    self.run_local(context, session, share, (command, which, args)).await;
                }
            }
        }
        note(session, newest, 0);
        let is_done = self.batch.run(context, session, share, &mut self.replies).await;
        if is_done { Next::Continue } else { Next::Rest }
    }

    /// Carries out what the daemon does itself.
    async fn run_local(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut Share,
        (command, which, args): (&'static Command, Local, Args),
    ) -> Next {
        note(session, command.full_name, 0);
        let reply = match which {
            Local::Exec => Box::pin(transaction::exec(context, session, share)).await,
            _ => local::run(context, session, command, which, &args).await,
        };
        self.replies.push(reply);
        match which {
            Local::Quit => Next::Close,
            Local::Shutdown => Next::Shutdown,
            _ => Next::Continue,
        }
    }
}

/// Whether a command of the daemon's own shows, depends on or ends what was asked before.
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
            | Local::Quit
            | Local::Shutdown
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

/// Lets the work wait for EXEC, if it may: the reply says so.
fn queue(session: &mut Session, work: Work) -> Reply {
    match transaction::place(work.by) {
        Place::Nowhere => refuse(session, transaction::refused()),
        Place::Now | Place::Queue => transaction::enqueue(session, work),
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
    places: VecDeque<(usize, &'static Command)>,
}

impl Batch {
    fn reserve(&mut self, count: usize) {
        self.operations.reserve(count);
        self.places.reserve(count);
    }

    fn push(&mut self, replies: &mut Vec<Reply>, command: &'static Command, operation: Operation) {
        self.places.push_back((replies.len(), command));
        self.operations.push(operation);
        replies.push(Reply::Nil);
    }

    /// Carries out as much as there is room for; whether that was all.
    async fn run(
        &mut self,
        context: &Context,
        session: &Session,
        share: &mut Share,
        replies: &mut [Reply],
    ) -> bool {
        // Where there is no store, there is no operation that passed the checks.
        let Some(store) = session.store.as_ref().filter(|_| !self.operations.is_empty()) else {
            return true;
        };
        let operations = std::mem::take(&mut self.operations);
        let (answers, rest) = store.execute_within(operations, share).await;
        debug_assert_eq!(answers.len() + rest.len(), self.places.len(), "nothing is lost");
        self.operations = rest;
        let (mut hits, mut misses) = (0, 0);
        for ((place, command), answer) in self.places.drain(..answers.len()).zip(answers) {
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
        self.operations.is_empty()
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
