//! A connection's requests into replies: checks first, then one batch for the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::batch::Batch;
use super::check::{check, may, narrow, tell};
use super::transaction;
use super::transaction::Place;
use crate::command::builtin::dispatch;
use crate::command::context::{Context, Counters};
use crate::command::session::state::Session;
use crate::command::table::{Local, Turn, find};
use crate::command::work::{By, Work};
use crate::memory::Share;
use crate::message::{ErrorReply, Reply, Request};
use crate::store::Operation;

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
    /// The request that runs once all requests before it are answered.
    waiting: Option<Work>,
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
        let ready = self.batch.take_places(self.replies.len());
        note(session, "", ready);
        name_store(context, &mut self.replies[..ready]);
        count(&context.counters, &self.replies[..ready]);
        self.replies.drain(..ready)
    }

    /// Carries out the requests, in order, until all have their replies or there is no room for
    /// more of these, see [`Next::Rest`]. What follows a request that ends the connection is not
    /// carried out and gets no reply.
    ///
    /// The requests for the store travel as one batch, so that many cost one round trip. A request
    /// that changes the session, or that works on other keys than the batch, waits for the batch.
    pub async fn run(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut Share,
    ) -> Next {
        let mut newest = "";
        self.replies.reserve(self.requests.len());
        self.batch.reserve(self.requests.len());
        self.batch.check_again(context, session, &mut self.replies);
        loop {
            if let Some(work) = self.waiting.take() {
                // Replies to the requests before it may have to be sent before it runs.
                let is_answered = self.batch.run(context, share, &mut self.replies).await;
                let is_exec = matches!(work.by, By::Local(Local::Exec));
                if !is_answered || (is_exec && share.must_send_first()) {
                    self.waiting = Some(work);
                    return Next::Rest;
                }
                newest = "";
                match self.run_in_turn(context, session, share, work).await {
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
            let args = std::mem::take(&mut request.args);
            self.requests.pop_front();
            let work = match checked {
                Ok((command, by)) => Work { command, by, args },
                Err(error) => {
                    self.replies.push(refuse_error(session, error));
                    continue;
                }
            };
            if session.queue.is_some() && !matches!(transaction::place(work.by), Place::Now) {
                self.replies.push(queue(session, &work));
                continue;
            }
            match work.by {
                By::Store(_) if self.batch.takes(session) => {
                    newest = work.command.full_name;
                    self.append(context, session, work);
                }
                By::Local(local) if work.command.turn == Turn::AtOnce => {
                    newest = "";
                    tell(context, session, work.command);
                    self.run_local(context, session, share, local, work).await;
                }
                _ => self.waiting = Some(work),
            }
        }
        note(session, newest, 0);
        let is_done = self.batch.run(context, share, &mut self.replies).await;
        if is_done { Next::Continue } else { Next::Rest }
    }

    /// Carries out a request that has waited for its turn. The caller may have lost the right to it.
    async fn run_in_turn(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut Share,
        work: Work,
    ) -> Next {
        if let Err(error) = may(context, session, work.command) {
            self.replies.push(refuse_error(session, error));
            return Next::Continue;
        }
        match work.by {
            By::Store(_) => {
                note(session, work.command.full_name, 0);
                self.append(context, session, work);
                Next::Continue
            }
            By::Local(local) => {
                tell(context, session, work.command);
                self.run_local(context, session, share, local, work).await
            }
        }
    }

    /// Appends a request to the batch.
    fn append(&mut self, context: &Context, session: &mut Session, work: Work) {
        let Work { command, by, mut args } = work;
        let By::Store(verb) = by else { return };
        let pushed = narrow(command, verb, &mut args).and_then(|()| {
            let operation = Operation { verb, args };
            self.batch.push(session, &mut self.replies, command, operation)
        });
        match pushed {
            Ok(()) => tell(context, session, command),
            Err(error) => self.replies.push(Reply::Error(error)),
        }
    }

    /// Carries out what the daemon does itself.
    async fn run_local(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut Share,
        local: Local,
        Work { command, args, .. }: Work,
    ) -> Next {
        note(session, command.full_name, 0);
        let reply = match local {
            Local::Exec => Box::pin(transaction::exec(context, session, share)).await,
            _ => dispatch::run(context, session, command, local, &args).await,
        };
        self.replies.push(reply);
        match local {
            Local::Quit => Next::Close,
            Local::Shutdown => Next::Shutdown,
            _ if session.client().has_killed_itself() => Next::Close,
            _ => Next::Continue,
        }
    }
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
fn queue(session: &mut Session, work: &Work) -> Reply {
    match transaction::place(work.by) {
        Place::Nowhere => refuse(session, transaction::refused()),
        Place::Now | Place::Queue => match transaction::refusal(session, work) {
            Some(refusal) => refuse(session, refusal),
            None => transaction::enqueue(session, work),
        },
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
