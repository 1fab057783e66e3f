//! The bytes to be sent to a client.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::UnixStream;

use crate::protocol::Outgoing;

/// The largest buffer that is kept for the next connection with a reply.
const KEEP: usize = 256 * 1024;

thread_local! {
    /// A buffer that no connection uses now. Most replies are sent at once, so that one buffer
    /// serves all connections, and idle ones hold none.
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

    /// The bytes not sent yet.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.bytes.into_bytes()
    }

    /// The buffer that replies are appended to.
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

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no byte is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes as many bytes as the kernel takes now; returns their number.
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

    /// Leaves the buffer for the next connection.
    fn let_go(&mut self) {
        let room = std::mem::take(&mut self.bytes).into_room();
        if room.capacity() <= KEEP {
            SPARE.set(room);
        }
    }
}
