//! Detects a peer that stands still while its connection holds much memory. Movement is measured in
//! bytes sent and taken, not in events.

use std::os::fd::{AsFd, AsRawFd};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::idle::Idle;
use crate::memory::SMALL;

/// The length of a window over which movement is summed.
const WINDOW: Duration = Duration::from_secs(5);
/// The number of windows without movement after which a peer is given up that itself waits for
/// memory while no other connection does. The kernel shows progress only in steps of some ten
/// kilobytes, for which a slow peer needs more than one window.
const PATIENCE: u32 = 3;
/// The least bytes in a window for a peer that holds memory which others wait for.
const LEAST: usize = 4 * 1024;
/// The number of windows in which a peer with the right to exceed the bound must move all that it
/// holds, while others wait for memory.
const WINDOWS: usize = 6;

/// The conditions that a verdict depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stakes {
    /// Other connections wait for memory.
    pub(crate) others_wait: bool,
    /// The connection cannot read on: its peer takes no replies, and memory has no room.
    pub(crate) is_stuck: bool,
    /// The connection has the right to exceed the bound.
    pub(crate) has_turn: bool,
    /// Bytes of memory that the connection holds.
    pub(crate) held: usize,
}

/// Why a peer is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The peer hardly moves, and others wait for the memory that it holds.
    Stalled,
    /// The peer stands still, and memory has no room for its input and replies.
    Overrun,
}

/// The clock of one connection.
pub(crate) struct Stall {
    window: Idle,
    /// The time when the connection ceased to wait for its peer.
    left_at: Option<Instant>,
    /// Bytes moved in this window.
    moved: usize,
    /// Bytes that the peer had not taken from the kernel at the end of the last window.
    untaken: usize,
    /// Windows without movement.
    still: u32,
}

impl Stall {
    /// Begins the first window.
    pub(crate) fn begin(socket: &impl AsFd) -> Option<Stall> {
        let window = Idle::after(WINDOW)?;
        Some(Stall { window, left_at: None, moved: 0, untaken: untaken(socket), still: 0 })
    }

    /// The peer sent or took `bytes`.
    pub(crate) fn moves(&mut self, bytes: usize) {
        self.moved += bytes;
    }

    /// The connection no longer waits for its peer.
    pub(crate) fn leave(&mut self) {
        self.left_at = Some(Instant::now());
    }

    /// The connection waits for its peer again. The time between does not count.
    pub(crate) fn enter(&mut self) {
        if let Some(left) = self.left_at.take() {
            self.window.forgive(left.elapsed());
        }
    }

    /// Ready when the peer is given up.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        socket: &impl AsFd,
        stakes: impl Fn() -> Stakes,
    ) -> Poll<Verdict> {
        loop {
            ready!(self.window.poll(cx));
            self.window.touch();
            if let Some(verdict) = self.judge(untaken(socket), stakes()) {
                return Poll::Ready(verdict);
            }
        }
    }

    /// Ends a window, with a verdict if one is due.
    fn judge(&mut self, untaken: usize, stakes: Stakes) -> Option<Verdict> {
        let taken = std::mem::replace(&mut self.untaken, untaken).saturating_sub(untaken);
        let moved = std::mem::take(&mut self.moved) + taken;
        self.still = if moved > 0 || !stakes.is_stuck { 0 } else { self.still + 1 };
        let needed = if stakes.has_turn { SMALL.max(stakes.held / WINDOWS) } else { LEAST };
        if stakes.others_wait && moved < needed {
            return Some(Verdict::Stalled);
        }
        (self.still >= PATIENCE).then_some(Verdict::Overrun)
    }
}

/// The sent bytes that the peer has not taken yet, by `SIOCOUTQ` of unix(7), for which no safe
/// wrapper exists; 0 if the kernel does not report it.
#[allow(unsafe_code)]
fn untaken(socket: &impl AsFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the request writes one int, to a live one that nothing else refers to; the descriptor
    // is open as long as it is borrowed.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 { usize::try_from(bytes).unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn stall() -> Stall {
        let (socket, _peer) = UnixStream::pair().expect("a pair");
        Stall::begin(&socket).expect("a window")
    }

    #[tokio::test]
    async fn one_byte_a_window_is_no_movement_where_others_wait() {
        let stakes = Stakes { others_wait: true, held: 6_000_000, ..Stakes::default() };
        let mut stall = stall();
        stall.moves(LEAST);
        assert_eq!(stall.judge(0, stakes), None);
        stall.moves(5);
        assert_eq!(stall.judge(0, stakes), Some(Verdict::Stalled));
        let with_turn = Stakes { has_turn: true, ..stakes };
        stall.moves(999_999);
        assert_eq!(stall.judge(0, with_turn), Some(Verdict::Stalled));
        stall.moves(1_000_000);
        assert_eq!(stall.judge(0, with_turn), None);
    }

    #[tokio::test]
    async fn alone_a_peer_is_given_up_only_when_it_stands_still_past_the_bound() {
        let mut stall = stall();
        for _ in 0..10 {
            assert_eq!(stall.judge(0, Stakes::default()), None, "within the bound");
        }
        let stuck = Stakes { is_stuck: true, ..Stakes::default() };
        for round in 0..10 {
            stall.moves(usize::from(round % 2 == 0));
            assert_eq!(stall.judge(0, stuck), None, "it moves");
        }
        assert_eq!([(); 2].map(|()| stall.judge(0, stuck)), [None, Some(Verdict::Overrun)]);
    }

    #[tokio::test]
    async fn what_the_peer_takes_from_the_kernel_is_movement() {
        let (mut socket, mut peer) = UnixStream::pair().expect("a pair");
        socket.write_all(&[0; 1000]).expect("room");
        let sent = untaken(&socket);
        assert!(sent >= 1000);
        let mut stall = Stall::begin(&socket).expect("a window");
        peer.read_exact(&mut [0; 1000]).expect("there");
        assert_eq!(untaken(&socket), 0);
        let stuck = Stakes { is_stuck: true, ..Stakes::default() };
        assert_eq!(stall.judge(0, stuck), None);
        assert_eq!(stall.still, 0);
    }
}
