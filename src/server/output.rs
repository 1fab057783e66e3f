//! What is on its way to a client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::UnixStream;

/// A buffer larger than this is let go when it is empty.
const KEEP: usize = 64 * 1024;

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
        let written = ready!(Pin::new(stream).poll_write(cx, rest))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.sent += written;
        if self.is_empty() {
            self.sent = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEEP {
                self.bytes = Vec::new();
            }
        } else if self.sent > self.len() {
            // The sent part is not kept along while the rest waits.
            self.bytes.drain(..std::mem::take(&mut self.sent));
        }
        Poll::Ready(Ok(written))
    }
}
