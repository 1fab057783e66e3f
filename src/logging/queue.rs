//! The bounded queue between threads that log and the thread that writes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A queue that refuses entries when it is full, without waiting, and counts them.
#[derive(Debug)]
pub(super) struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    filled: Condvar,
    idle: Condvar,
}

#[derive(Debug)]
struct State<T> {
    entries: VecDeque<T>,
    /// The reader still works on the last entry it took.
    busy: bool,
    dropped: u64,
}

impl<T> Queue<T> {
    /// An empty queue for `capacity` entries.
    pub(super) fn new(capacity: usize) -> Queue<T> {
        let state = State { entries: VecDeque::with_capacity(capacity), busy: false, dropped: 0 };
        Queue { capacity, state: Mutex::new(state), filled: Condvar::new(), idle: Condvar::new() }
    }

    /// Adds an entry, or counts it as dropped if the queue is full. Never waits for the reader.
    pub(super) fn push(&self, entry: T) {
        let mut state = self.lock();
        if state.entries.len() < self.capacity {
            state.entries.push_back(entry);
            self.filled.notify_one();
        } else {
            state.dropped += 1;
        }
    }

    /// Waits for the next entry, and marks the previous one as done. For a single reader.
    pub(super) fn pop(&self) -> T {
        let mut state = self.lock();
        state.busy = false;
        loop {
            if let Some(entry) = state.entries.pop_front() {
                state.busy = true;
                return entry;
            }
            self.idle.notify_all();
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The number of entries dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Whether the queue is at most half full, so that one more entry is unlikely to be dropped.
    pub(super) fn has_room(&self) -> bool {
        self.lock().entries.len() <= self.capacity / 2
    }

    /// Waits at most `limit` until every entry is done; true if that happened.
    pub(super) fn wait_idle(&self, limit: Duration) -> bool {
        let at_work = |state: &mut State<T>| state.busy || !state.entries.is_empty();
        !self
            .idle
            .wait_timeout_while(self.lock(), limit, at_work)
            .map_or_else(|poisoned| poisoned.into_inner().1, |(_guard, waited)| waited)
            .timed_out()
    }

    /// No code panics under the lock, so that the data of a poisoned lock is sound.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
