//! Reads ahead while replies wait. Otherwise a peer that writes its whole pipeline before it reads
//! would wait for kvsock, and kvsock for the peer. Only memory bounds the bytes read.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncReadExt;

use super::room;
use super::state::Connection;

/// The state of one wait.
#[derive(Default)]
pub(crate) struct ReadAhead {
    /// The wait for memory, while input exists without room for it.
    released: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The end of the input was reached. The next read will see it again.
    is_over: bool,
}

impl ReadAhead {
    /// Whether input waits for memory.
    pub(crate) fn lacks_memory(&self) -> bool {
        self.released.is_some()
    }
}

impl Connection<'_> {
    /// Reads all available input that memory has room for, and registers the task to be woken for
    /// more.
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
