//! One client's connection: reads what has come, lets its requests be carried out as one batch,
//! writes the replies with one write, and reads on while a slow reader has not taken them.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::dialect::Dialect;
use super::idle::Idle;
use super::memory::{Share, Turn};
use super::output::Output;
use super::shared::Shared;
use crate::command::{Caller, Next, Session, execute};
use crate::message::Reply;
use crate::protocol::Decoded;

/// Room for a first read.
const READ_MIN: usize = 4 * 1024;
/// Room for a read of a client that fills its buffer.
const READ_MAX: usize = 256 * 1024;
/// Requests carried out at a time: enough to fill a round trip.
const BATCH_MAX: usize = 256;
/// How many a connection begins with. Their number doubles while replies are small.
const BATCH_FIRST: usize = 32;
/// Bytes of replies that a batch aims at: how long they are shows only when they are there.
const BATCH_BYTES: usize = 1024 * 1024;

/// How long a connection that is given up may take to send what was answered. What is left after
/// that is for the next daemon to send, and lost where there is none.
const FAREWELL: Duration = Duration::from_millis(100);

/// A connection and its buffers. Idle, it holds none.
pub(super) struct Connection<'a> {
    pub(super) stream: UnixStream,
    pub(super) session: Session,
    shared: &'a Arc<Shared>,
    pub(super) dialect: Dialect,
    share: Share,
    /// Received, not yet decoded.
    pub(super) input: BytesMut,
    /// Not yet sent.
    pub(super) output: Output,
    /// Room for the next read.
    room: usize,
    /// Requests for the next batch.
    batch: usize,
    /// How far the connection has come.
    pub(super) phase: Phase,
    /// Output that may wait before reading stops.
    max_output: usize,
    idle: Option<Idle>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It reads.
    Open,
    /// The daemon drains: what the peer has sent so far is read, no more can be sent.
    Draining,
    /// Nothing more is read; what is left is written.
    Closing,
}

impl Phase {
    pub(super) fn is_closing(self) -> bool {
        self == Phase::Closing
    }

    pub(super) fn set_closing(&mut self, is_closing: bool) {
        if is_closing {
            *self = Phase::Closing;
        }
    }
}

/// How a connection ended that did not break.
#[derive(Debug)]
pub(super) enum End {
    /// It is closed.
    Closed,
    /// The next daemon goes on with it.
    HandedOver,
}

/// What a connection waited for has come.
enum Event {
    /// So many bytes were read; 0 is the end.
    Read(usize),
    /// All that the closing connection had to say is said.
    Closed,
    /// The daemon stops serving.
    Stop,
    /// Others have let go of memory.
    Released(Turn),
    /// Somebody wants the connection closed.
    Killed,
    /// Nothing has moved for too long.
    Idle,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        stream: UnixStream,
        caller: Caller,
        address: Arc<str>,
        shared: &'a Arc<Shared>,
    ) -> Connection<'a> {
        Connection::with(stream, shared, |descriptor, (max_request, max_reply)| {
            Session::new(&shared.context, caller, address, descriptor, max_request, max_reply)
        })
    }

    /// A connection whose session is made of its descriptor and the limits on a request and a
    /// reply.
    pub(super) fn with(
        stream: UnixStream,
        shared: &'a Arc<Shared>,
        session: impl FnOnce(RawFd, (usize, usize)) -> Session,
    ) -> Connection<'a> {
        let options = shared.options();
        let max_request = options.max_request;
        let session = session(stream.as_raw_fd(), (max_request, options.max_reply));
        Connection {
            stream,
            session,
            shared,
            dialect: Dialect::Unknown { max_request },
            share: shared.memory.share(),
            input: BytesMut::new(),
            output: Output::default(),
            room: READ_MIN,
            batch: BATCH_FIRST,
            phase: Phase::Open,
            max_output: if options.max_reply == 0 { usize::MAX } else { options.max_reply },
            idle: Idle::after(options.client_timeout),
        }
    }

    /// Serves until the peer or the daemon ends the connection. An error is a broken connection,
    /// never a bad request.
    pub(super) async fn serve(mut self) -> io::Result<End> {
        let mut stop = std::pin::pin!(self.shared.stopping());
        let client = Arc::clone(self.session.client());
        let mut killed = std::pin::pin!(client.killed());
        let mut replies = Vec::new();
        // What another daemon had received comes first.
        let has_more = self.phase == Phase::Open && !self.input.is_empty();
        if has_more && self.flush_while_large().await? {
            self.carry_out(&mut replies).await?;
            self.settle();
        }
        loop {
            if self.phase == Phase::Closing && self.output.is_empty() {
                return Ok(End::Closed);
            }
            match self.next_event(stop.as_mut(), killed.as_mut()).await? {
                Event::Read(0) => {
                    let last = self.dialect.finish(&mut self.input);
                    if let Some(Decoded::Refused(reply) | Decoded::Broken(reply)) = last {
                        self.dialect.encode(&reply, self.output.buffer());
                    }
                    self.phase = Phase::Closing;
                }
                Event::Read(count) => {
                    self.room = if count < self.room { READ_MIN } else { READ_MAX };
                    self.carry_out(&mut replies).await?;
                }
                Event::Released(turn) => self.share.resume(turn),
                Event::Stop if self.shared.is_handing_over() => {
                    self.answer_rest(&mut replies).await?;
                    let _ = tokio::time::timeout(FAREWELL, self.flush()).await;
                    let shared = self.shared;
                    shared.hand_over(self.carry()?);
                    return Ok(End::HandedOver);
                }
                Event::Stop => {
                    // From here on the peer cannot send; all it could send will be answered.
                    rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Read)?;
                    self.phase = Phase::Draining;
                }
                Event::Killed if !client.has_killed_itself() => return Ok(End::Closed),
                Event::Killed => {
                    self.input.clear();
                    self.phase = Phase::Closing;
                }
                Event::Closed | Event::Idle => return Ok(End::Closed),
            }
            self.settle();
        }
    }

    /// Answers what has come by now, before the connection is given up: where there is no next
    /// daemon, nobody else will.
    async fn answer_rest(&mut self, replies: &mut Vec<Reply>) -> io::Result<()> {
        let may_read = self.phase == Phase::Open
            && self.output.len() < self.max_output
            && !self.share.must_pause();
        if !may_read {
            return Ok(());
        }
        self.room = READ_MAX;
        let read = std::future::poll_fn(|cx| match self.poll_read(cx) {
            Poll::Ready(read) => Poll::Ready(read.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        });
        match read.await? {
            // Nothing, or the end, which is still there for the next daemon to see.
            None | Some(0) => Ok(()),
            Some(_) => self.carry_out(replies).await,
        }
    }

    /// Sends all that is to be sent.
    async fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            std::future::poll_fn(|cx| self.output.poll_write(&mut self.stream, cx)).await?;
        }
        Ok(())
    }

    /// Decodes all whole requests of the input and answers them, a batch at a time.
    async fn carry_out(&mut self, replies: &mut Vec<Reply>) -> io::Result<()> {
        let mut batch = Vec::new();
        let mut is_broken = false;
        self.dialect.learn(&self.input, &mut self.session);
        loop {
            while batch.len() < self.batch
                && let Some(decoded) = self.dialect.decode(&mut self.input)
            {
                is_broken = matches!(decoded, Decoded::Broken(_));
                batch.push(match decoded {
                    Decoded::Request(request) => Ok(request),
                    Decoded::Refused(reply) | Decoded::Broken(reply) => Err(reply),
                });
            }
            if batch.is_empty() {
                return Ok(());
            }
            let context = &self.shared.context;
            let next = execute(context, &mut self.session, batch.drain(..), replies).await;
            let before = self.output.len();
            for reply in replies.drain(..) {
                self.dialect.encode(&reply, self.output.buffer());
            }
            self.batch = match self.output.len() - before {
                0..BATCH_BYTES => (self.batch * 2).min(BATCH_MAX),
                large => (self.batch * BATCH_BYTES / large).max(1),
            };
            self.share.set(self.held());
            if next != Next::Continue || is_broken {
                self.phase = Phase::Closing;
                self.input.clear();
                if next == Next::Shutdown {
                    self.shared.stop_requested.notify_one();
                }
                return Ok(());
            }
            if !self.flush_while_large().await? {
                return Ok(());
            }
            // What asks nobody never waits: others have their turn.
            tokio::task::yield_now().await;
        }
    }

    /// Between batches of one read: lets a slow reader take what is there before more is made.
    /// False when the rest of the input is left to the next daemon.
    async fn flush_while_large(&mut self) -> io::Result<bool> {
        if self.output.len() <= self.max_output {
            return Ok(true);
        }
        let mut stop = std::pin::pin!(self.shared.stopping());
        let mut is_serving = true;
        let client = Arc::clone(self.session.client());
        let mut killed = std::pin::pin!(client.killed());
        while self.output.len() > self.max_output {
            let is_left = std::future::poll_fn(|cx| {
                if is_serving && stop.as_mut().poll(cx).is_ready() {
                    is_serving = false;
                    if self.shared.is_handing_over() {
                        return Poll::Ready(Ok(true));
                    }
                }
                if killed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
                if let Some(idle) = &mut self.idle
                    && idle.poll(cx).is_ready()
                {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                let written = ready!(self.output.poll_write(&mut self.stream, cx))?;
                if let Some(idle) = &mut self.idle {
                    idle.touch();
                }
                debug_assert!(written > 0, "there is output");
                Poll::Ready(io::Result::Ok(false))
            })
            .await?;
            if is_left {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for the next thing to do, writing whatever can be written meanwhile.
    async fn next_event(
        &mut self,
        mut stop: Pin<&mut impl Future>,
        mut killed: Pin<&mut impl Future>,
    ) -> io::Result<Event> {
        let paused = self.phase == Phase::Open && self.share.must_pause();
        let mut released = paused.then(|| Box::pin(self.share.released()));
        let had_output = !self.output.is_empty();
        std::future::poll_fn(|cx| {
            while !self.output.is_empty()
                && let Poll::Ready(written) = self.output.poll_write(&mut self.stream, cx)
            {
                written?;
                self.idle.as_mut().map(Idle::touch);
            }
            if had_output && self.output.is_empty() {
                self.settle();
                if self.phase == Phase::Closing {
                    return Poll::Ready(Ok(Event::Closed));
                }
            }
            if self.phase != Phase::Closing && killed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Event::Killed));
            }
            let may_stop = self.phase == Phase::Open || self.shared.is_handing_over();
            if may_stop && stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Event::Stop));
            }
            if let Some(released) = &mut released {
                if let Poll::Ready(turn) = released.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Event::Released(turn)));
                }
            } else if self.phase != Phase::Closing
                && self.output.len() < self.max_output
                && let Poll::Ready(read) = self.poll_read(cx)
            {
                self.idle.as_mut().map(Idle::touch);
                return Poll::Ready(read.map(Event::Read));
            }
            if let Some(idle) = &mut self.idle
                && idle.poll(cx).is_ready()
            {
                return Poll::Ready(Ok(Event::Idle));
            }
            Poll::Pending
        })
        .await
    }

    /// Reads into the input buffer, which is made only when there is something to read.
    fn poll_read(&mut self, cx: &mut Waker<'_>) -> Poll<io::Result<usize>> {
        ready!(self.stream.poll_read_ready(cx))?;
        self.input.reserve(self.room);
        std::pin::pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    /// Lets go of empty buffers and tells what is held.
    pub(super) fn settle(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.share.set(self.held());
    }

    fn held(&self) -> usize {
        self.input.capacity() + self.output.capacity() + self.session.held()
    }
}
