//! Detects that the peer has hung up, so that no reply can reach it. A peer that only ended its
//! sending side, as `nc -N` does, has not hung up.

use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::Sleep;

/// The interval of polls of the peer where tokio gives no signal: tokio signals only the end of one
/// direction.
const INTERVAL: Duration = Duration::from_millis(250);

/// The result of `work`, or none once the peer has hung up.
pub(crate) async fn unless_gone<T>(
    stream: &UnixStream,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let mut hang_up = HangUp::of(stream);
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => hang_up.poll(cx).map(|()| None),
    })
    .await
}

/// Watches one peer while its connection waits for another event.
pub(crate) struct HangUp<'a> {
    stream: &'a UnixStream,
    stage: Stage<'a>,
}

/// The state of the peer as far as the connection has seen it.
enum Stage<'a> {
    /// No event since the last read. The next read needs the waker that this poll registers anyway.
    Silent,
    /// Bytes, or the end, can be read.
    Readable(Pin<Box<dyn Future<Output = ()> + Send + 'a>>),
    /// The peer has ended its sending side.
    Finished(Looks),
}

/// Polls of a peer at intervals.
pub(crate) struct Looks(Pin<Box<Sleep>>);

impl Looks {
    /// The first poll is due after one interval.
    pub(crate) fn begin() -> Looks {
        Looks(Box::pin(tokio::time::sleep(INTERVAL)))
    }

    /// Ready when the peer has hung up.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stream: &UnixStream) -> Poll<()> {
        loop {
            ready!(self.0.as_mut().poll(cx));
            if is_hung_up(stream) {
                return Poll::Ready(());
            }
            self.0.set(tokio::time::sleep(INTERVAL));
        }
    }
}

impl<'a> HangUp<'a> {
    /// Costs nothing until it is polled.
    pub(crate) fn of(stream: &'a UnixStream) -> HangUp<'a> {
        HangUp { stream, stage: Stage::Silent }
    }

    /// Ready when the peer has hung up.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.stage {
                Stage::Silent => {
                    // The next read reports an error, so none is returned here.
                    let _ = ready!(self.stream.poll_read_ready(cx));
                    let stream = self.stream;
                    self.stage = Stage::Readable(Box::pin(async move {
                        // Ends when the sending side is closed, even if unread bytes remain.
                        let _ = stream.ready(Interest::PRIORITY).await;
                    }));
                }
                Stage::Readable(closed) => {
                    ready!(closed.as_mut().poll(cx));
                    if is_hung_up(self.stream) {
                        return Poll::Ready(());
                    }
                    self.stage = Stage::Finished(Looks::begin());
                }
                Stage::Finished(looks) => return looks.poll(cx, self.stream),
            }
        }
    }
}

/// Whether both directions are closed.
fn is_hung_up(stream: &UnixStream) -> bool {
    let mut sockets = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::OUT)];
    let polled = rustix::event::poll(&mut sockets, Some(&Timespec::default()));
    polled.is_ok() && sockets[0].revents().contains(PollFlags::HUP)
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;

    use futures_util::FutureExt;

    use super::*;

    fn pair() -> (UnixStream, std::os::unix::net::UnixStream) {
        let (own, peer) = std::os::unix::net::UnixStream::pair().expect("a pair");
        own.set_nonblocking(true).expect("a socket");
        let own = UnixStream::from_std(own).expect("a socket");
        // The first poll consumes the readiness that exists at the start.
        own.try_read(&mut [0]).expect_err("nothing");
        (own, peer)
    }

    async fn wait(stream: &UnixStream) {
        let mut hang_up = HangUp::of(stream);
        let watched = std::future::poll_fn(|cx| hang_up.poll(cx));
        tokio::time::timeout(Duration::from_secs(20), watched).await.expect("it has hung up");
    }

    #[tokio::test]
    async fn a_peer_that_closes_has_hung_up_whatever_it_sent_before() {
        let (stream, mut peer) = pair();
        std::io::Write::write_all(&mut peer, b"unread").expect("room");
        drop(peer);
        wait(&stream).await;
    }

    #[tokio::test]
    async fn a_peer_that_only_sends_no_more_has_not_hung_up() {
        let (stream, peer) = pair();
        peer.shutdown(Shutdown::Write).expect("a socket");
        let mut hang_up = HangUp::of(&stream);
        while !matches!(hang_up.stage, Stage::Finished(_)) {
            let looked = std::future::poll_fn(|cx| hang_up.poll(cx)).now_or_never();
            assert!(looked.is_none());
            tokio::task::yield_now().await;
        }
        assert!(!is_hung_up(&stream));
        drop(peer);
        std::future::poll_fn(|cx| hang_up.poll(cx)).await;
    }

    #[tokio::test]
    async fn a_peer_that_sends_has_not_hung_up() {
        let (stream, mut peer) = pair();
        std::io::Write::write_all(&mut peer, b"more").expect("room");
        stream.readable().await.expect("a socket");
        let mut hang_up = HangUp::of(&stream);
        assert!(std::future::poll_fn(|cx| hang_up.poll(cx)).now_or_never().is_none());
        drop(peer);
        std::future::poll_fn(|cx| hang_up.poll(cx)).await;
    }
}
