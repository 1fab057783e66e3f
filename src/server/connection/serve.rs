//! The loop of one client's connection: reads requests, executes them as one batch, writes the
//! replies with one write, and reads ahead while a slow peer takes them.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use super::room;
use super::state::{Connection, End, Event, May, Phase};
use super::wait::unless_killed;
use crate::command::{Execution, Next};
use crate::memory::SMALL;
use crate::protocol::Decoded;

/// The most requests of a batch: enough to fill a round trip.
const BATCH_MAX: usize = 256;
/// The bytes of a short request.
const REQUEST: usize = 24;
/// The aim for the bytes of a batch's replies, whose length is known only afterwards.
const BATCH_BYTES: usize = 1024 * 1024;

/// A read of fewer bytes that did not fill its room ends the bytes sent together: a peer that waits
/// for room in the socket sends more than this at a time.
const PART: usize = 16 * 1024;
/// Requests of a batch up to this many bytes are not counted in the bounded memory: as much as the
/// room for a read of a client that sends little.
const UNCOUNTED: usize = room::LEAST;

/// The time in which a connection that is handed over may send its replies. The next daemon sends
/// the rest; without one, the rest is lost.
const FAREWELL: Duration = Duration::from_millis(100);

impl Connection<'_> {
    /// Serves until the peer or the daemon ends the connection. An error is a broken connection,
    /// never a bad request.
    pub(crate) async fn serve(&mut self) -> io::Result<End> {
        let ended = self.serve_peer().await;
        let Some(verdict) = self.verdict.take() else { return ended };
        Box::pin(self.dismiss(verdict)).await;
        Ok(End::Closed)
    }

    async fn serve_peer(&mut self) -> io::Result<End> {
        let mut stop = std::pin::pin!(self.shared.stopping());
        let client = Arc::clone(self.session.client());
        let mut killed = std::pin::pin!(client.killed());
        // Input that the previous daemon received comes first.
        let has_more = self.phase == Phase::Open && !self.input.is_empty();
        if has_more && Box::pin(self.flush_to(self.max_output, May::BeLeft)).await? {
            Box::pin(self.carry_out(killed.as_mut())).await?;
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
                        self.dialect.encode(reply, self.output.bytes());
                    }
                    self.phase = Phase::Closing;
                }
                Event::Read(count) => {
                    let is_all = count < self.room.min(PART);
                    self.room = room::after(count, self.room);
                    // Boxed, so that an idle connection does not hold the memory of a busy one's
                    // future.
                    Box::pin(self.carry_out(killed.as_mut())).await?;
                    if is_all {
                        // The next bytes belong to another pipeline.
                        self.share.set_impatient(false);
                    }
                }
                Event::Released(turn) => self.share.resume(turn),
                Event::Stop if self.shared.is_handing_over() => {
                    Box::pin(self.answer_rest(killed.as_mut())).await?;
                    let _ = Box::pin(tokio::time::timeout(FAREWELL, self.flush())).await;
                    return Ok(End::GivenUp);
                }
                Event::Stop => {
                    // From here on the peer cannot send; all bytes that it has sent will be
                    // answered.
                    rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Read)?;
                    self.phase = Phase::Draining;
                }
                Event::Closed | Event::Gone | Event::Killed | Event::Idle | Event::Stalled => {
                    return Ok(End::Closed);
                }
            }
            self.settle();
        }
    }

    /// Answers the requests received so far, before the connection is given up: without a next
    /// daemon, they would get no reply.
    async fn answer_rest(&mut self, killed: Pin<&mut impl Future<Output = ()>>) -> io::Result<()> {
        let may_read = self.phase == Phase::Open
            && self.output.len() < self.max_output
            && !self.share.must_pause();
        if !may_read {
            return Ok(());
        }
        self.room = room::MOST;
        match self.read_now().await? {
            // Nothing, or the end, which the next daemon will see again.
            None | Some(0) => Ok(()),
            Some(_) => self.carry_out(killed).await,
        }
    }

    /// Sends all replies.
    async fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            std::future::poll_fn(|cx| self.output.poll_write(&mut self.stream, cx)).await?;
        }
        Ok(())
    }

    /// Decodes all whole requests of the input and answers them, a batch at a time, until the client
    /// is `killed`.
    pub(crate) async fn carry_out(
        &mut self,
        mut killed: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<()> {
        let mut execution = Execution::default();
        let mut is_broken = false;
        let mut is_first = true;
        self.dialect.learn(&self.input, &mut self.session);
        loop {
            execution.reserve(self.batch.min(1 + self.input.len() / REQUEST));
            let before = self.input.len();
            while execution.len() < self.batch
                && let Some(decoded) = self.dialect.decode(&mut self.input)
            {
                is_broken = matches!(decoded, Decoded::Broken(_));
                execution.push(match decoded {
                    Decoded::Request(request) => Ok(request),
                    Decoded::Refused(reply) | Decoded::Broken(reply) => Err(reply),
                });
            }
            if execution.is_empty() {
                if self.backlog.refill(&mut self.input) {
                    continue;
                }
                return Ok(());
            }
            let taken = before - self.input.len();
            if taken > UNCOUNTED {
                self.executing = taken;
                if taken > SMALL && self.input.len() <= taken {
                    room::part(&mut self.input);
                }
                self.share.set(self.held());
            }
            if !std::mem::take(&mut is_first) {
                // Requests that do not ask the store never wait, so that other tasks get a turn
                // here.
                tokio::task::yield_now().await;
            }
            let next = self.run(&mut execution, killed.as_mut()).await?;
            if next != Next::Continue || is_broken {
                self.phase = Phase::Closing;
                self.forget_input();
                if next == Next::Shutdown {
                    self.shared.context.stop.request();
                }
                return Ok(());
            }
            if !self.flush_to(self.max_output, May::BeLeft).await? {
                return Ok(());
            }
        }
    }

    /// Executes a batch. If memory has no room for all its replies, the existing ones are sent
    /// before more are asked for.
    async fn run(
        &mut self,
        execution: &mut Execution,
        mut killed: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<Next> {
        let mut bytes = 0;
        loop {
            let context = &self.shared.context;
            let next = {
                // Each wait takes the work by reference. By value it would need room for the work twice.
                let work = pin!(execution.run(context, &mut self.session, &mut self.share));
                let work = pin!(self.standing.wait(&self.stream, self.shared, work));
                unless_killed(killed.as_mut(), &self.stream, work).await??
            };
            bytes += self.encode_replies(execution);
            if next != Next::Rest {
                self.executing = 0;
            }
            self.share.set(self.held());
            self.share.let_replies_go();
            if next != Next::Rest {
                self.batch = match bytes {
                    0..BATCH_BYTES => (self.batch * 2).min(BATCH_MAX),
                    large => (self.batch * BATCH_BYTES / large).max(1),
                };
                return Ok(next);
            }
            // The batch is no longer in the input, so that this daemon must answer it.
            self.flush_to(0, May::NotBeLeft).await?;
            self.share.set(self.held());
        }
    }

    /// Encodes the replies that exist, and returns their number of bytes.
    fn encode_replies(&mut self, execution: &mut Execution) -> usize {
        let before = self.output.len();
        let replies = execution.take_replies(&self.shared.context, &self.session);
        if replies.len() > 0 {
            let output = self.output.bytes();
            replies.for_each(|reply| self.dialect.encode(reply, output));
        }
        self.output.len() - before
    }
}
