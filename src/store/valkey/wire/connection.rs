//! A live connection to the server, from its first reply to its end: the one that all requests
//! share, or one that a client has for itself. It ends once, for one cause, and everything in flight
//! on it ends with it.
//!
//! It is kvsock's own, since everything that clients ask goes this way: replies are slices of what one read
//! brought, a reply that finds no room is read away in bounded memory, and what was lost is told
//! apart into what was sent and what was not.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

use super::command::{Commands, Form};
use super::driver::Driver;
use super::exchange::{Answer, Asked, Lost, Question};
use super::stream::Stream;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::protocol::Outgoing;
use crate::store::valkey::cache::Cache;
use crate::store::valkey::keys::refusal::Refusal;

/// Whether and why a connection has ended; its parts learn of it together.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    cause: OnceLock<Cow<'static, str>>,
    reached: Notify,
}

impl Ending {
    /// Ends the connection. The first cause stays.
    pub(crate) fn end(&self, cause: Cow<'static, str>) {
        if self.cause.set(cause).is_ok() {
            self.reached.notify_waiters();
        }
    }

    /// The cause, once it has ended.
    pub(crate) fn cause(&self) -> Option<&Cow<'static, str>> {
        self.cause.get()
    }

    /// Waits for the end, and tells its cause.
    pub(crate) async fn reached(&self) -> Cow<'static, str> {
        // Created before the look at the cause, so that no end falls between the two.
        let reached = self.reached.notified();
        if self.cause().is_none() {
            reached.await;
        }
        self.cause().cloned().unwrap_or_default()
    }
}

/// What waits for the driver.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Bytes to be sent.
    pub(crate) bytes: Outgoing,
    /// Whose they are.
    pub(crate) asked: VecDeque<Asked>,
    /// How many bytes there have ever been.
    pub(crate) total: u64,
    /// The driver's, while it has nothing to do.
    pub(crate) waker: Option<Waker>,
    /// The connection has ended.
    pub(crate) is_closed: bool,
}

/// What the connection and its driver share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    pub(crate) ending: Ending,
    /// What the near cache knows, if there is one.
    pub(crate) cache: OnceLock<Cache>,
}

impl Shared {
    /// The queue. Never held while waiting.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live connection.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    driving: AbortHandle,
    /// See [`Connection::retire`].
    retirement: Ending,
    /// See [`Connection::for_master`].
    is_for_master: bool,
}

impl Connection {
    /// Speaks over `stream`. A reply that takes longer than `patience` ends the connection, so that
    /// it cannot arrive later and be in the way. `has_pushes` says that the server is going to be
    /// asked to say unasked what changes.
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        patience: Option<Duration>,
        has_pushes: bool,
    ) -> Connection {
        let shared = Arc::new(Shared::default());
        let driver = Driver::new(stream, Arc::clone(&shared), patience, has_pushes);
        let driving = tokio::spawn(driver).abort_handle();
        Connection { shared, driving, retirement: Ending::default(), is_for_master: false }
    }

    /// Whether it is to a master whose place may be taken by another one: if it says that it is none
    /// any more, the connection retires, and what it refused may be asked elsewhere.
    pub(crate) fn for_master(mut self, is_for_master: bool) -> Connection {
        self.is_for_master = is_for_master;
        self
    }

    /// Has the link give it to nobody any more. What is under way may end well.
    pub(crate) fn retire(&self, cause: Cow<'static, str>) {
        self.retirement.end(cause);
    }

    /// Why nobody may ask on it any more, when nobody may.
    pub(crate) fn left(&self) -> Option<&Cow<'static, str>> {
        self.ending().cause().or_else(|| self.retirement.cause())
    }

    /// Waits until nobody may ask on it any more, and tells why.
    pub(crate) async fn leaving(&self) -> Cow<'static, str> {
        tokio::select! {
            cause = self.ending().reached() => cause,
            cause = self.retirement.reached() => cause,
        }
    }

    /// Ends it, with all that is under way.
    pub(crate) fn end(&self, cause: Cow<'static, str>) {
        self.ending().end(cause);
        let waker = self.shared.queue().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// The first refusal among the replies of what has to be a master, and why.
    pub(crate) fn refusal(&self, replies: &[Reply]) -> Option<(usize, Cow<'static, str>)> {
        if !self.is_for_master {
            return None;
        }
        let (number, refusal, cause) = Refusal::first(replies)?;
        if refusal == Refusal::Replica {
            self.retire(cause.clone());
        }
        Some((number, cause))
    }

    /// Whether and why it has ended.
    pub(crate) fn ending(&self) -> &Ending {
        &self.shared.ending
    }

    /// Keeps values in `cache` from now on: the server says when they change.
    pub(crate) fn keep_values(&self, cache: Cache) {
        // There is one connection to a cache, and one cache to a connection.
        let _ = self.shared.cache.set(cache);
    }

    /// The near cache, if there is one.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.shared.cache.get()
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, Lost> {
        let (tell, told) = oneshot::channel();
        self.submit(question, tell)?;
        match told.await {
            Ok(result) => result,
            // The driver is gone with what it had.
            Err(_) => Err(self.lost(false)),
        }
    }

    /// Sends commands of which none may be asked again, and gives all replies; an error stands in the
    /// place of one that is longer than `max_reply` or finds no room in `hold`.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub(crate) async fn ask_once(
        &self,
        commands: Commands,
        max_reply: usize,
        hold: &mut ReplyRoom,
    ) -> Result<Answer, Lost> {
        let (wanted, kept, hold_of_it) = (VecDeque::new(), 0, hold.take());
        let question =
            Question { commands, wanted, kept, is_once: true, max_reply, hold: hold_of_it };
        let mut answer = self.ask(question).await?;
        hold.join(answer.hold.take());
        Ok(answer)
    }

    /// Sends commands whose replies are short and must all be taken, and which may be sent again if a
    /// server that is no master refuses one of them.
    pub(crate) async fn send(&self, commands: Commands) -> Result<Vec<Reply>, Lost> {
        let (kept, hold) = (commands.count(), ReplyRoom::unlimited());
        let wanted = VecDeque::new();
        let question =
            Question { commands, wanted, kept, is_once: false, max_reply: usize::MAX, hold };
        let replies = self.ask(question).await?.replies;
        match self.refusal(&replies) {
            Some((_, cause)) => Err(Lost { cause, is_unsent: true }),
            None => Ok(replies),
        }
    }

    /// Sends one such command and gives its reply, which has that form or is a refusal.
    pub(crate) async fn send_one(&self, form: Form, words: &[&[u8]]) -> Result<Reply, Lost> {
        let mut replies = self.send(Commands::for_a(form, words)).await?;
        Ok(replies.pop().unwrap_or(Reply::Nil))
    }

    fn submit(
        &self,
        question: Question,
        tell: oneshot::Sender<Result<Answer, Lost>>,
    ) -> Result<(), Lost> {
        let (mut asked, bytes) = Asked::new(question, tell);
        let mut queue = self.shared.queue();
        if queue.is_closed {
            drop(queue);
            return Err(self.lost(true));
        }
        asked.begin_at(queue.total);
        queue.total += bytes.len() as u64;
        queue.bytes.append(bytes);
        queue.asked.push_back(asked);
        let waker = queue.waker.take();
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn lost(&self, is_unsent: bool) -> Lost {
        let cause = self.ending().cause().cloned();
        Lost { cause: cause.unwrap_or(Cow::Borrowed("connection lost")), is_unsent }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driving.abort();
    }
}
