//! The one live connection to the server that all requests share, from its first reply to its
//! end. It ends once, for one cause, and everything in flight on it ends with it.
//!
//! It is kvsock's own, since everything goes this way: replies are slices of what one read
//! brought, a reply that finds no room is read away in bounded memory, and what was lost is told
//! apart into what was sent and what was not.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::command::{Commands, Outgoing};
use super::driver::Driver;
use super::stream::Stream;
use crate::memory::Hold;
use crate::message::Reply;

/// The connection ended before all replies were there.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// Why.
    pub(super) cause: Cow<'static, str>,
    /// Nothing was sent; otherwise what was sent was carried out, or not.
    pub(super) is_unsent: bool,
}

/// Whether and why a connection has ended; its parts learn of it together.
#[derive(Debug, Default)]
pub(super) struct Ending {
    cause: OnceLock<Cow<'static, str>>,
    reached: Notify,
}

impl Ending {
    /// Ends the connection. The first cause stays.
    pub(super) fn end(&self, cause: Cow<'static, str>) {
        if self.cause.set(cause).is_ok() {
            self.reached.notify_waiters();
        }
    }

    /// The cause, once it has ended.
    pub(super) fn cause(&self) -> Option<&Cow<'static, str>> {
        self.cause.get()
    }

    /// Waits for the end, and tells its cause.
    pub(super) async fn reached(&self) -> Cow<'static, str> {
        // Created before the look at the cause, so that no end falls between the two.
        let reached = self.reached.notified();
        if self.cause().is_none() {
            reached.await;
        }
        self.cause().cloned().unwrap_or_default()
    }
}

/// What is asked, and how many of its replies must be taken whatever they are.
#[derive(Debug)]
pub(super) struct Question {
    /// The commands.
    pub(super) commands: Commands,
    /// Of so many first commands the reply cannot be asked for again. The others are read away,
    /// from the first on that finds no room.
    pub(super) kept: usize,
    /// Bytes of data that one reply may hold; a longer one is read away, and an error instead.
    pub(super) max_reply: usize,
    /// What the replies take.
    pub(super) hold: Hold,
}

/// Replies in order: as many as there was room for.
#[derive(Debug)]
pub(super) struct Answer {
    /// The replies.
    pub(super) replies: Vec<Reply>,
    /// What they take.
    pub(super) hold: Hold,
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Asked {
    /// How many replies are to come.
    pub(super) count: usize,
    /// See [`Question::kept`].
    pub(super) kept: usize,
    /// See [`Question::max_reply`].
    pub(super) max_reply: usize,
    /// A reply was read away, and so are all after it.
    pub(super) is_cut: bool,
    /// What has come.
    pub(super) answer: Answer,
    /// Where among all bytes sent its own begin.
    pub(super) begin: u64,
    /// When it was asked.
    pub(super) at: Instant,
    /// Who asked.
    pub(super) tell: oneshot::Sender<Result<Answer, Lost>>,
}

/// What waits for the driver.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Bytes to be sent.
    pub(super) bytes: Outgoing,
    /// Whose they are.
    pub(super) asked: VecDeque<Asked>,
    /// How many bytes there have ever been.
    pub(super) total: u64,
    /// The driver's, while it has nothing to do.
    pub(super) waker: Option<Waker>,
    /// The connection has ended.
    pub(super) is_closed: bool,
}

/// What the connection and its driver share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) ending: Ending,
}

impl Shared {
    /// The queue. Never held while waiting.
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live connection, shared by all requests.
#[derive(Debug)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    driving: AbortHandle,
}

impl Connection {
    /// Speaks over `stream`. A reply that takes longer than `patience` ends the connection, so that
    /// it cannot arrive later and be in the way.
    pub(super) fn new(stream: Box<dyn Stream>, patience: Option<Duration>) -> Connection {
        let shared = Arc::new(Shared::default());
        let driver = Driver::new(stream, Arc::clone(&shared), patience);
        Connection { shared, driving: tokio::spawn(driver).abort_handle() }
    }

    /// Whether and why it has ended.
    pub(super) fn ending(&self) -> &Ending {
        &self.shared.ending
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub(super) async fn ask(&self, question: Question) -> Result<Answer, Lost> {
        let (tell, told) = oneshot::channel();
        self.submit(question, tell)?;
        match told.await {
            Ok(result) => result,
            // The driver is gone with what it had.
            Err(_) => Err(self.lost(false)),
        }
    }

    /// Sends commands whose replies are short and must all be taken.
    pub(super) async fn send(&self, commands: Commands) -> Result<Vec<Reply>, Lost> {
        let (kept, hold) = (commands.count(), Hold::unlimited());
        let question = Question { commands, kept, max_reply: usize::MAX, hold };
        Ok(self.ask(question).await?.replies)
    }

    /// Sends one such command and gives its reply.
    pub(super) async fn send_one(&self, words: &[&[u8]]) -> Result<Reply, Lost> {
        let mut replies = self.send(Commands::one(words)).await?;
        Ok(replies.pop().unwrap_or(Reply::Nil))
    }

    fn submit(
        &self,
        question: Question,
        tell: oneshot::Sender<Result<Answer, Lost>>,
    ) -> Result<(), Lost> {
        let Question { commands, kept, max_reply, hold } = question;
        let count = commands.count();
        let bytes = commands.into_bytes();
        let mut queue = self.shared.queue();
        if queue.is_closed {
            drop(queue);
            return Err(self.lost(true));
        }
        let begin = queue.total;
        queue.total += bytes.len() as u64;
        queue.bytes.append(bytes);
        let answer = Answer { replies: Vec::with_capacity(count), hold };
        queue.asked.push_back(Asked {
            count,
            kept,
            max_reply,
            is_cut: false,
            answer,
            begin,
            at: Instant::now(),
            tell,
        });
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
