//! What is on its way to a client.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::UnixStream;

use crate::protocol::Outgoing;

/// The most room that is kept for the next connection which has something to say.
const KEEP: usize = 256 * 1024;

thread_local! {
    /// Room that no connection uses just now. Most replies are taken at once, so that one buffer
    /// serves all connections, and those that are idle hold none.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes to be sent.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Outgoing,
}

impl Output {
    /// Bytes that another daemon had to send.
    pub(crate) fn of(bytes: Vec<u8>) -> Output {
        Output { bytes: bytes.into() }
    }

    /// The bytes that are still to be sent.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.bytes.into_bytes()
    }

    /// Where more is appended.
    pub(crate) fn bytes(&mut self) -> &mut Outgoing {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take().into();
        }
        &mut self.bytes
    }

    /// Bytes of memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Hands the kernel as much as it takes now; gives how much that was.
    pub(crate) fn poll_write(
        &mut self,
        stream: &mut UnixStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let writing = match self.bytes.only_text() {
            Some(text) => stream.poll_write(cx, text)?,
            None => stream.poll_write_vectored(cx, &self.bytes.slices())?,
        };
        let Poll::Ready(written) = writing else {
            self.bytes.fit();
            return Poll::Pending;
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.bytes.advance(written);
        if self.is_empty() {
            self.let_go();
        }
        Poll::Ready(Ok(written))
    }

    /// Leaves the room for the next connection.
    fn let_go(&mut self) {
        let room = std::mem::take(&mut self.bytes).into_room();
        if room.capacity() <= KEEP {
            SPARE.set(room);
        }
    }
}
