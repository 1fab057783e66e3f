//! The end of a connection whose peer stands still while it holds memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};

use super::stall::Verdict;
use super::state::Connection;
use crate::message::Reply;

/// The time in which the peer may still take the last replies.
const TIME: Duration = Duration::from_secs(10);
/// The most bytes of replies that are kept for the peer while others wait for memory.
const KEPT: usize = 2 * 1024 * 1024;
/// The size of reads whose bytes are dropped.
const ROOM: usize = 16 * 1024;

impl Connection<'_> {
    /// Gives up the peer: drops its requests, and sends it the existing replies and the reason for
    /// the end. Bytes that it goes on to send are read and dropped, since it may not read its
    /// replies before it has sent them.
    pub(crate) async fn dismiss(&mut self, verdict: Verdict) {
        self.forget_input();
        if verdict == Verdict::Stalled && self.output.len() > KEPT {
            return;
        }
        let why = match verdict {
            Verdict::Stalled => "connection closed: it stood still and held memory for others",
            Verdict::Overrun => "connection closed: too many requests without reading replies",
        };
        self.dialect.encode(Reply::failed(why), self.output.bytes());
        self.share.set(self.held());
        let mut scratch = vec![0; ROOM];
        let sent = std::future::poll_fn(|cx| self.poll_dismissed(cx, &mut scratch));
        // The peer may or may not take it.
        let _ = tokio::time::timeout(TIME, sent).await;
    }

    fn poll_dismissed(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<()>> {
        loop {
            while !self.output.is_empty() {
                if self.output.poll_write(&mut self.stream, cx)?.is_pending() {
                    break;
                }
            }
            if self.output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer)? {
                Poll::Ready(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Pending,
            }
        }
    }
}
