//! What is on its way to a client.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::UnixStream;

/// The most room that is kept for the next connection which has something to say.
const KEEP: usize = 32 * 1024;

thread_local! {
    /// Room that no connection uses just now. Most replies are taken at once, so that one buffer
    /// serves all connections, and those that are idle hold none.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes to be sent, from `sent` on.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    sent: usize,
}

impl Output {
    /// Bytes that another daemon had to send.
    pub(super) fn of(bytes: Vec<u8>) -> Output {
        Output { bytes, sent: 0 }
    }

    /// The bytes that are still to be sent.
    pub(super) fn into_rest(mut self) -> Vec<u8> {
        self.bytes.drain(..self.sent);
        self.bytes
    }

    /// Where more is appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take();
        }
        &mut self.bytes
    }

    /// Bytes of memory held.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands the kernel as much as it takes now; gives how much that was.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut UnixStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let rest = &self.bytes[self.sent..];
        let Poll::Ready(written) = Pin::new(stream).poll_write(cx, rest)? else {
            self.fit();
            return Poll::Pending;
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.sent += written;
        if self.is_empty() {
            self.let_go();
        } else if self.sent > self.len() {
            // The sent part is not kept along while the rest waits.
            self.bytes.drain(..std::mem::take(&mut self.sent));
        }
        Poll::Ready(Ok(written))
    }

    /// Keeps no more room than it takes, since it has to wait for its reader.
    fn fit(&mut self) {
        if self.bytes.capacity() > 2 * self.bytes.len() {
            self.bytes.shrink_to_fit();
        }
    }

    /// Leaves the room for the next connection.
    fn let_go(&mut self) {
        self.sent = 0;
        let mut room = std::mem::take(&mut self.bytes);
        if room.capacity() <= KEEP {
            room.clear();
            SPARE.set(room);
        }
    }
}
