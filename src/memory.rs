//! The bound on all connections' buffers together.
//!
//! Past it the connections that hold much stop reading until others have let go; those that hold
//! little are not touched. So that those that hold much cannot wait for each other, one of them
//! at a time goes on, past the bound by no more than its own request and its replies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A connection that holds no more than this is never paused.
const SMALL: usize = 64 * 1024;

/// Bytes in all connections' buffers.
#[derive(Debug)]
pub(super) struct Memory {
    limit: usize,
    used: AtomicUsize,
    /// Somebody let go while the bound was passed.
    released: Notify,
    turn: Arc<Semaphore>,
}

/// One connection's part of it; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<Memory>,
    held: usize,
    turn: Option<OwnedSemaphorePermit>,
}

/// Perhaps the right to go on past the bound, which one connection has at a time.
#[derive(Debug)]
pub(super) struct Turn(Option<OwnedSemaphorePermit>);

impl Memory {
    /// Bounds the buffers at `limit` bytes; 0 is unlimited.
    pub(super) fn new(limit: usize) -> Memory {
        let (used, released) = (AtomicUsize::new(0), Notify::new());
        Memory { limit, used, released, turn: Arc::new(Semaphore::new(1)) }
    }

    /// A share for a connection that holds nothing yet.
    pub(super) fn share(self: &Arc<Memory>) -> Share {
        Share { memory: Arc::clone(self), held: 0, turn: None }
    }

    fn is_over(&self) -> bool {
        self.limit != 0 && self.used.load(Ordering::Relaxed) > self.limit
    }
}

impl Share {
    /// Tells how much the connection holds now.
    pub(super) fn set(&mut self, held: usize) {
        let memory = &self.memory;
        if held > self.held {
            memory.used.fetch_add(held - self.held, Ordering::Relaxed);
        } else if held < self.held {
            let was_over = memory.is_over();
            memory.used.fetch_sub(self.held - held, Ordering::Relaxed);
            if was_over {
                memory.released.notify_waiters();
            }
        }
        self.held = held;
        if held <= SMALL {
            self.turn = None;
        }
    }

    /// Whether the connection must wait before it reads more.
    pub(super) fn must_pause(&mut self) -> bool {
        if self.held <= SMALL || self.turn.is_some() || !self.memory.is_over() {
            return false;
        }
        self.turn = Arc::clone(&self.memory.turn).try_acquire_owned().ok();
        self.turn.is_none()
    }

    /// Waits until [`Share::must_pause`] is worth asking again; gives what [`Share::resume`]
    /// takes.
    pub(super) fn released(&self) -> impl Future<Output = Turn> + Send + 'static {
        let memory = Arc::clone(&self.memory);
        async move {
            let turn = Arc::clone(&memory.turn).acquire_owned();
            tokio::select! {
                () = memory.released.notified() => Turn(None),
                // Kept, for given back it would go to the next in the queue.
                permit = turn => Turn(permit.ok()),
            }
        }
    }

    /// Ends the wait, with the turn if that is what came.
    pub(super) fn resume(&mut self, turn: Turn) {
        if turn.0.is_some() {
            self.turn = turn.0;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_bound_the_large_wait_but_one_and_the_small_go_on() {
        let memory = Arc::new(Memory::new(1_000_000));
        let (mut first, mut second, mut small) = (memory.share(), memory.share(), memory.share());
        first.set(600_000);
        assert!(!first.must_pause());
        second.set(600_000);
        small.set(SMALL);
        assert!(!second.must_pause(), "has the turn");
        assert!(first.must_pause());
        assert!(!small.must_pause());
        second.set(0);
        assert!(!first.must_pause(), "no longer past the bound");
        drop(first);
        drop(small);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_waits_is_woken_when_another_lets_go() {
        let memory = Arc::new(Memory::new(1_000_000));
        let (mut first, mut second) = (memory.share(), memory.share());
        first.set(600_000);
        second.set(600_000);
        assert!(!second.must_pause());
        assert!(first.must_pause());
        let released = tokio::spawn(first.released());
        tokio::task::yield_now().await;
        drop(second);
        first.resume(released.await.expect("woken"));
        assert!(!first.must_pause());
    }

    #[tokio::test]
    async fn the_turn_goes_round_among_many_that_wait() {
        let memory = Arc::new(Memory::new(1));
        let mut shares: Vec<Share> = std::iter::repeat_with(|| memory.share()).take(5).collect();
        for share in &mut shares {
            share.set(SMALL + 1);
        }
        assert!(!shares[0].must_pause());
        let waiting: Vec<_> =
            shares[1..].iter().map(|share| tokio::spawn(share.released())).collect();
        tokio::task::yield_now().await;
        let mut holder = 0;
        for (index, turn) in waiting.into_iter().enumerate() {
            // Only the turn wakes the next: the bound is passed until the end.
            let held = std::mem::take(&mut shares[holder].turn);
            drop(held);
            holder = index + 1;
            let turn = turn.await.expect("woken");
            shares[holder].resume(turn);
            assert!(!shares[holder].must_pause(), "share {holder}");
        }
    }
}
