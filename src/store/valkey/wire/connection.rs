//! A live connection to the server: the shared one, or a pinned one. It ends once, for one cause,
//! and all exchanges in flight end with it.
//!
//! The driver is kvsock's own, since all client requests cross it: replies are slices of the read
//! buffer, a reply that finds no room is discarded in bounded memory, and a lost connection tells
//! which requests were sent.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::command::{Commands, Form};
use super::driver::Driver;
use super::ending::Ending;
use super::exchange::{Answer, Exchange, InFlight, Lost};
use super::outbox::Shared;
use super::refusal::Refusal;
use super::stream::Stream;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::valkey::cache::Cache;

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
    /// Begins to drive `stream`. A reply that takes longer than `reply_timeout` ends the
    /// connection, so that a late reply cannot be taken for another one. `has_pushes` says that the
    /// server will be asked for invalidations.
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        reply_timeout: Option<Duration>,
        has_pushes: bool,
    ) -> Connection {
        let shared = Arc::new(Shared::default());
        let driver = Driver::new(stream, Arc::clone(&shared), reply_timeout, has_pushes);
        let driving = tokio::spawn(driver).abort_handle();
        Connection { shared, driving, retirement: Ending::default(), is_for_master: false }
    }

    /// Marks a connection to a master that sentinels name. If the server says that it is no longer
    /// a master, the connection retires, and the requests that it refused may be sent to the new
    /// master.
    pub(crate) fn for_master(mut self, is_for_master: bool) -> Connection {
        self.is_for_master = is_for_master;
        self
    }

    /// Takes the connection out of use. Exchanges in flight still complete.
    pub(crate) fn retire(&self, cause: Cow<'static, str>) {
        self.retirement.end(cause);
    }

    /// The cause for which the connection takes no more requests: it has ended or retired. `None`
    /// while it is in use.
    pub(crate) fn left(&self) -> Option<&Cow<'static, str>> {
        self.ending().cause().or_else(|| self.retirement.cause())
    }

    /// Waits until the connection takes no more requests, and gives the cause.
    pub(crate) async fn leaving(&self) -> Cow<'static, str> {
        tokio::select! {
            cause = self.ending().reached() => cause,
            cause = self.retirement.reached() => cause,
        }
    }

    /// Ends the connection, and all exchanges in flight with it.
    pub(crate) fn end(&self, cause: Cow<'static, str>) {
        self.ending().end(cause);
        let waker = self.shared.outbox().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// The position and cause of the first reply by which the server refuses to act as a master.
    /// `None` for connections that need no master.
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

    /// The end of the connection: whether it was reached, and its cause.
    pub(crate) fn ending(&self) -> &Ending {
        &self.shared.ending
    }

    /// Attaches the near cache. The server sends invalidations from now on.
    pub(crate) fn keep_values(&self, cache: Cache) {
        // The connector attaches one cache, before the connection is shared.
        let _ = self.shared.cache.set(cache);
    }

    /// The near cache, if there is one.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.shared.cache.get()
    }

    /// Sends the commands, and waits for the replies.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub(crate) async fn ask(&self, exchange: Exchange) -> Result<Answer, Lost> {
        let (tell, told) = oneshot::channel();
        self.submit(exchange, tell)?;
        match told.await {
            Ok(result) => result,
            // The driver was dropped with all exchanges in flight.
            Err(_) => Err(self.lost(false)),
        }
    }

    /// Sends commands that must not be sent again, and gives all replies. An error stands in the
    /// place of a reply that is longer than `max_reply` or finds no room in `hold`.
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
        let exchange =
            Exchange { commands, wanted, kept, is_once: true, max_reply, hold: hold_of_it };
        let mut answer = self.ask(exchange).await?;
        hold.join(answer.hold.take());
        Ok(answer)
    }

    /// Sends commands with short replies, all of which are needed. If a server that should be a
    /// master refuses one of them, the commands count as not sent.
    ///
    /// # Errors
    ///
    /// The connection ended, or the server is no master.
    pub(crate) async fn send(&self, commands: Commands) -> Result<Vec<Reply>, Lost> {
        let (kept, hold) = (commands.count(), ReplyRoom::unlimited());
        let wanted = VecDeque::new();
        let exchange =
            Exchange { commands, wanted, kept, is_once: false, max_reply: usize::MAX, hold };
        let replies = self.ask(exchange).await?.replies;
        match self.refusal(&replies) {
            Some((_, cause)) => Err(Lost { cause, is_unsent: true }),
            None => Ok(replies),
        }
    }

    /// Sends one command with a short reply of the form `form`, see [`Connection::send`].
    pub(crate) async fn send_one(&self, form: Form, words: &[&[u8]]) -> Result<Reply, Lost> {
        let mut replies = self.send(Commands::for_a(form, words)).await?;
        Ok(replies.pop().unwrap_or(Reply::Nil))
    }

    fn submit(
        &self,
        exchange: Exchange,
        tell: oneshot::Sender<Result<Answer, Lost>>,
    ) -> Result<(), Lost> {
        let (mut in_flight, bytes) = InFlight::new(exchange, tell);
        let mut outbox = self.shared.outbox();
        if outbox.is_closed {
            drop(outbox);
            return Err(self.lost(true));
        }
        in_flight.begin_at(outbox.total);
        outbox.total += bytes.len() as u64;
        outbox.bytes.append(bytes);
        outbox.in_flight.push_back(in_flight);
        let waker = outbox.waker.take();
        drop(outbox);
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
