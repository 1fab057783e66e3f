//! How a connection is closed whose peer stands still and holds memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};

use super::stall::Verdict;
use super::state::Connection;
use crate::message::Reply;

/// How long the peer may take to notice.
const TIME: Duration = Duration::from_secs(10);
/// More replies than this, in bytes, are not kept for it while others wait.
const KEPT: usize = 2 * 1024 * 1024;
/// Room to read away what it sends.
const ROOM: usize = 16 * 1024;

impl Connection<'_> {
    /// Gives up the peer: lets go of its requests, and sends it the replies that are there and why
    /// there are no more. What it goes on to send is read away, since it may read only then.
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
        // Whether the peer takes it is up to the peer.
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
