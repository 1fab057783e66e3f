//! The waits of a connection: for its peer, the daemon's stop, memory, and time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::hang_up::Looks;
use super::idle::Idle;
use super::read_ahead::ReadAhead;
use super::room;
use super::stall::{Stakes, Stall, Verdict};
use super::state::{Connection, Event, May, Phase};

/// The time in which requests in execution may still end after their connection was killed, so that
/// the store's answer is received.
const LAST_ANSWER: Duration = Duration::from_millis(100);

/// Runs `work`. If its client is `killed` first, the peer of `stream` is disconnected at once.
pub(crate) async fn unless_killed<T>(
    mut killed: Pin<&mut impl Future<Output = ()>>,
    stream: &UnixStream,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> io::Result<T> {
    let done = std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => killed.as_mut().poll(cx).map(|()| None),
    });
    if let Some(done) = done.await {
        return Ok(done);
    }
    // A peer that is gone already need not be disconnected.
    let _ = rustix::net::shutdown(stream, Shutdown::Both);
    let _ = tokio::time::timeout(LAST_ANSWER, work).await;
    Err(io::ErrorKind::ConnectionAborted.into())
}

impl Connection<'_> {
    /// Sends output until at most `most` bytes are left. Input that arrives meanwhile is read as
    /// far as memory has room. False if the daemon stops and the rest may be left to the next one.
    pub(crate) async fn flush_to(&mut self, most: usize, may: May) -> io::Result<bool> {
        if self.output.len() <= most {
            return Ok(true);
        }
        self.watch_stall();
        let is_flushed = self.flush_slowly(most, may).await;
        self.leave_stall();
        is_flushed
    }

    async fn flush_slowly(&mut self, most: usize, may: May) -> io::Result<bool> {
        let mut ahead = ReadAhead::default();
        let mut stop = std::pin::pin!(self.shared.stopping());
        let mut is_serving = may == May::BeLeft;
        let client = Arc::clone(self.session.client());
        let mut killed = std::pin::pin!(client.killed());
        while self.output.len() > most {
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
                if let Poll::Ready(written) = self.output.poll_write(&mut self.stream, cx) {
                    self.moves(written?);
                    return Poll::Ready(io::Result::Ok(false));
                }
                self.poll_read_ahead(cx, &mut ahead)?;
                let is_stuck = ahead.lacks_memory();
                if self.poll_idle(cx).is_ready() || self.poll_stall(cx, is_stuck).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            })
            .await?;
            if is_left {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for the next event, and writes output meanwhile.
    pub(crate) async fn next_event(
        &mut self,
        stop: Pin<&mut impl Future>,
        killed: Pin<&mut impl Future>,
    ) -> io::Result<Event> {
        let paused = self.phase == Phase::Open && self.share.must_pause();
        if paused {
            // The connection waits for others, not for its peer.
            self.stall = None;
        } else {
            self.watch_stall();
        }
        let event = self.wait_for_event(paused, stop, killed).await;
        self.leave_stall();
        event
    }

    async fn wait_for_event(
        &mut self,
        paused: bool,
        mut stop: Pin<&mut impl Future>,
        mut killed: Pin<&mut impl Future>,
    ) -> io::Result<Event> {
        let mut released = paused.then(|| (Box::pin(self.share.released()), Looks::begin()));
        let had_output = !self.output.is_empty();
        std::future::poll_fn(|cx| {
            while !self.output.is_empty()
                && let Poll::Ready(written) = self.output.poll_write(&mut self.stream, cx)
            {
                let written = written?;
                self.moves(written);
            }
            if had_output && self.output.is_empty() {
                self.settle();
                if self.phase == Phase::Closing {
                    return Poll::Ready(Ok(Event::Closed));
                }
            }
            if killed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Event::Killed));
            }
            let may_stop = self.phase == Phase::Open || self.shared.is_handing_over();
            if may_stop && stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Event::Stop));
            }
            if let Some((released, looks)) = &mut released {
                if let Poll::Ready(turn) = released.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Event::Released(turn)));
                }
                if looks.poll(cx, &self.stream).is_ready() {
                    return Poll::Ready(Ok(Event::Gone));
                }
            } else if self.phase != Phase::Closing
                && let Poll::Ready(read) = self.poll_read(cx)
            {
                if let Ok(count) = read {
                    self.moves(count);
                }
                return Poll::Ready(read.map(Event::Read));
            }
            if self.poll_idle(cx).is_ready() {
                return Poll::Ready(Ok(Event::Idle));
            }
            self.poll_stall(cx, false).map(|()| Ok(Event::Stalled))
        })
        .await
    }

    /// Reads the available bytes; none if there are none.
    pub(crate) async fn read_now(&mut self) -> io::Result<Option<usize>> {
        std::future::poll_fn(|cx| match self.poll_read(cx) {
            Poll::Ready(read) => Poll::Ready(read.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        })
        .await
    }

    /// Reads into the input buffer, which is allocated only when bytes are available.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.backlog.is_empty() {
            return self.poll_read_behind(cx);
        }
        ready!(self.stream.poll_read_ready(cx))?;
        if self.room > room::LEAST && !self.share.may_hold(self.room) {
            self.room = room::LEAST;
        }
        room::make(&mut self.input, self.room);
        std::pin::pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    /// Notes that `bytes` moved.
    pub(crate) fn moves(&mut self, bytes: usize) {
        self.idle.as_mut().map(Idle::touch);
        if let Some(stall) = &mut self.stall {
            stall.moves(bytes);
        }
    }

    /// Starts or stops to measure the peer's movement.
    fn watch_stall(&mut self) {
        match (self.share.is_large(), &mut self.stall) {
            (true, None) => self.stall = Stall::begin(&self.stream),
            (true, Some(stall)) => stall.enter(),
            (false, _) => self.stall = None,
        }
    }

    /// The connection no longer waits for its peer.
    fn leave_stall(&mut self) {
        self.stall.as_mut().map(Stall::leave);
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.idle.as_mut().map_or(Poll::Pending, |idle| idle.poll(cx))
    }

    /// Ready when the peer is given up; `is_stuck` if memory has no room for the peer's input.
    fn poll_stall(&mut self, cx: &mut Context<'_>, is_stuck: bool) -> Poll<()> {
        let Some(stall) = &mut self.stall else { return Poll::Pending };
        let share = &self.share;
        let stakes = || Stakes {
            // A stuck connection counts among those that wait.
            others_wait: self.shared.memory.waiting() > usize::from(is_stuck),
            is_stuck,
            has_turn: share.has_turn(),
            held: share.held(),
        };
        let verdict = ready!(stall.poll(cx, &self.stream, stakes));
        let caller = &self.session.client().caller;
        match verdict {
            Verdict::Stalled => self.shared.context.users.audit.closes_stalled(caller),
            Verdict::Overrun => self.shared.context.users.audit.closes_overrun(caller),
        }
        self.verdict = Some(verdict);
        Poll::Ready(())
    }
}
