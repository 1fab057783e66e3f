//! The bounded queue between those who log and the one thread that writes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A queue that refuses rather than waits when it is full, and counts what it refused.
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
    /// The reader is at work on the entry that it took last.
    busy: bool,
    dropped: u64,
}

impl<T> Queue<T> {
    /// An empty queue for `capacity` entries.
    pub(super) fn new(capacity: usize) -> Queue<T> {
        let state = State { entries: VecDeque::with_capacity(capacity), busy: false, dropped: 0 };
        Queue { capacity, state: Mutex::new(state), filled: Condvar::new(), idle: Condvar::new() }
    }

    /// Adds an entry if there is room, and counts it as dropped otherwise. Never waits for the
    /// reader.
    pub(super) fn push(&self, entry: T) {
        let mut state = self.lock();
        if state.entries.len() < self.capacity {
            state.entries.push_back(entry);
            self.filled.notify_one();
        } else {
            state.dropped += 1;
        }
    }

    /// Waits for the next entry. The one before counts as done. For one reader only.
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

    /// How many entries found no room so far.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Whether it is at most half full, so that one more entry would hardly be refused.
    pub(super) fn has_room(&self) -> bool {
        self.lock().entries.len() <= self.capacity / 2
    }

    /// Waits at most `limit` until every entry is done. Whether it came to that.
    pub(super) fn wait_idle(&self, limit: Duration) -> bool {
        let at_work = |state: &mut State<T>| state.busy || !state.entries.is_empty();
        !self
            .idle
            .wait_timeout_while(self.lock(), limit, at_work)
            .map_or_else(|poisoned| poisoned.into_inner().1, |(_guard, waited)| waited)
            .timed_out()
    }

    /// Nothing panics under the lock, so that a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
