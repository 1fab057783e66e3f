//! Reads on while replies wait, so that a peer that writes its whole pipeline before it reads does
//! not wait for kvsock while kvsock waits for it. Only memory bounds it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncReadExt;

use super::room;
use super::state::Connection;

/// The state of one wait.
#[derive(Default)]
pub(crate) struct ReadAhead {
    /// Waits for memory, while there is input and no room for it.
    released: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The end of the input was read. The next read will find it again.
    is_over: bool,
}

impl ReadAhead {
    /// Whether there is input and no memory for it.
    pub(crate) fn lacks_memory(&self) -> bool {
        self.released.is_some()
    }
}

impl Connection<'_> {
    /// Reads all that is there and that there is memory for, and has the task woken when there may
    /// be more.
    pub(crate) fn poll_read_ahead(
        &mut self,
        cx: &mut Context<'_>,
        ahead: &mut ReadAhead,
    ) -> io::Result<()> {
        while !ahead.is_over && !self.phase.is_closing() {
            if let Some(released) = &mut ahead.released {
                if released.as_mut().poll(cx).is_pending() {
                    return Ok(());
                }
                ahead.released = None;
            }
            if self.stream.poll_read_ready(cx).is_pending() {
                return Ok(());
            }
            if !self.share.may_hold(self.backlog.more_for(self.room)) {
                ahead.released = Some(Box::pin(self.share.room_released()));
                continue;
            }
            let Poll::Ready(count) = self.poll_read_behind(cx) else { return Ok(()) };
            let count = count?;
            ahead.is_over = count == 0;
            self.moves(count);
            self.room = room::after(count, self.room);
            self.share.set(self.held());
        }
        Ok(())
    }

    /// Reads into the backlog.
    pub(crate) fn poll_read_behind(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(self.stream.poll_read_ready(cx))?;
        let stream = &mut self.stream;
        self.backlog.append(self.room, |buffer| pin!(stream.read_buf(buffer)).poll(cx))
    }
}
