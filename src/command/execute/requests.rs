//! The execution of one connection's requests: checks, then one batch for the store.

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
use crate::command::table::{Command, Local, Turn, find};
use crate::command::work::{By, Work};
use crate::memory::ClientShare;
use crate::message::{Args, ErrorReply, Reply, Request};
use crate::store::Operation;

/// The connection's next step, once the replies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read on.
    Continue,
    /// Send the replies that exist, since memory has no room for more, and then run the same
    /// execution again.
    Rest,
    /// Close the connection.
    Close,
    /// Stop the daemon.
    Shutdown,
}

/// Requests of one connection that are being carried out.
#[derive(Default)]
pub struct Execution {
    requests: VecDeque<Result<Request, Reply>>,
    /// The request that runs once all requests before it are answered.
    waiting: Option<Work>,
    batch: Batch,
    replies: Vec<Reply>,
}

impl Execution {
    /// Appends a request, or the reply to input that was no request.
    pub fn push(&mut self, request: Result<Request, Reply>) {
        self.requests.push_back(request);
    }

    /// Reserves room for `count` more requests.
    pub fn reserve(&mut self, count: usize) {
        self.requests.reserve(count);
    }

    /// The number of requests not checked yet.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether no such request is left.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Takes the replies that are complete, in order, and counts them.
    pub fn take_replies(
        &mut self,
        context: &Context,
        session: &Session,
    ) -> impl ExactSizeIterator<Item = Reply> {
        let ready = self.batch.take_places(self.replies.len());
        note(session, "", ready);
        name_store(context, &mut self.replies[..ready]);
        count(&context.counters, &self.replies[..ready]);
        self.replies.drain(..ready)
    }

    /// Carries out the requests in order, until all have their replies or memory has no room for
    /// more replies, see [`Next::Rest`]. Requests after one that ends the connection are dropped
    /// without a reply.
    ///
    /// Requests for the store form one batch, so that many cost one round trip. A request that
    /// changes the session, or works on other keys than the batch, waits for the batch.
    pub async fn run(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut ClientShare,
    ) -> Next {
        let mut newest = "";
        self.replies.reserve(self.requests.len());
        self.batch.reserve(self.requests.len());
        self.batch.check_again(context, session, &mut self.replies);
        loop {
            if let Some(work) = self.waiting.take() {
                // Replies to the earlier requests may have to be sent before this request runs.
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
            // The request is checked in place; only its arguments are moved, once.
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
            let (command, by) = match checked {
                Ok(checked) => checked,
                Err(error) => {
                    self.replies.push(refuse_error(session, error));
                    continue;
                }
            };
            if session.queue.is_some() && !matches!(transaction::place(command, by), Place::Now) {
                self.replies.push(queue(session, &Work { command, by, args }));
                continue;
            }
            match by {
                By::Store if self.batch.takes(session) => {
                    newest = command.full_name;
                    self.append(context, session, command, args);
                }
                By::Local(local) if command.turn == Turn::AtOnce => {
                    newest = "";
                    tell(context, session, command);
                    self.run_local(context, session, share, command, local, args).await;
                }
                _ => self.waiting = Some(Work { command, by, args }),
            }
        }
        note(session, newest, 0);
        let is_done = self.batch.run(context, share, &mut self.replies).await;
        if is_done { Next::Continue } else { Next::Rest }
    }

    /// Carries out a request that has waited for its turn. The caller may have lost the right to it
    /// since.
    async fn run_in_turn(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut ClientShare,
        Work { command, by, args }: Work,
    ) -> Next {
        if let Err(error) = may(context, session, command) {
            self.replies.push(refuse_error(session, error));
            return Next::Continue;
        }
        match by {
            By::Store => {
                note(session, command.full_name, 0);
                self.append(context, session, command, args);
                Next::Continue
            }
            By::Local(local) => {
                tell(context, session, command);
                self.run_local(context, session, share, command, local, args).await
            }
        }
    }

    /// Appends a request to the batch.
    fn append(
        &mut self,
        context: &Context,
        session: &mut Session,
        command: &'static Command,
        mut args: Args,
    ) {
        let pushed = narrow(command, &mut args).and_then(|()| {
            let operation = Operation { command, args };
            self.batch.push(session, &mut self.replies, operation)
        });
        match pushed {
            Ok(()) => tell(context, session, command),
            Err(error) => self.replies.push(Reply::Error(error)),
        }
    }

    /// Carries out a command that the daemon executes itself.
    async fn run_local(
        &mut self,
        context: &Arc<Context>,
        session: &mut Session,
        share: &mut ClientShare,
        command: &'static Command,
        local: Local,
        args: Args,
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

/// The reply to input that was no request.
fn refuse(session: &mut Session, reply: Reply) -> Reply {
    transaction::spoil(session);
    reply
}

/// The reply to a request that failed the checks.
fn refuse_error(session: &mut Session, error: ErrorReply) -> Reply {
    if let ErrorReply::Misuse { command: "exec", .. } = error
        && let Some(command) = find(b"exec")
    {
        return transaction::misused(session, command);
    }
    refuse(session, Reply::Error(error))
}

/// Queues the work for EXEC if it is allowed there; the reply tells which.
fn queue(session: &mut Session, work: &Work) -> Reply {
    match transaction::place(work.command, work.by) {
        Place::Nowhere => refuse(session, transaction::refused()),
        Place::Now | Place::Queue => match transaction::refusal(session, work) {
            Some(refusal) => refuse(session, refusal),
            None => transaction::enqueue(session, work),
        },
    }
}

/// Notes the connection's last activity for CLIENT LIST.
fn note(session: &Session, command: &'static str, replies: usize) {
    let mut about = session.client().about();
    if !command.is_empty() {
        about.command = command;
    }
    about.active = Instant::now();
    about.commands += replies as u64;
}

/// Names the store in replies that report it as unavailable: clients may not know the settings.
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
