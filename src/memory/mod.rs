//! The bound on what all clients take together: `KVSOCK_MAX_MEMORY` over the buffers of their
//! connections and over replies on their way from the store.
//!
//! Past it those that hold much wait until others have let go; those that hold little are not
//! touched. So that those that hold much cannot wait for each other, one of them at a time goes
//! on, past the bound by no more than its own request and one reply; users take turns.
//!
//! One user's clients have at most three quarters of the bound, so that others find room.

mod hold;
mod share;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::account::{Account, Places, Resource};

pub use self::hold::Hold;
pub use self::share::{Share, Turn};

/// A client that holds no more than this never waits for others.
pub const SMALL: usize = 64 * 1024;

/// What a value of unknown length is taken for, as long as none was seen that is not small.
const SMALL_VALUE: usize = 256;

/// The part of the bound that one client's replies may take at a time, unless it is one reply.
const FRACTION: usize = 16;

/// Bytes that all clients hold.
#[derive(Debug)]
pub struct Memory {
    limit: usize,
    used: AtomicUsize,
    /// The longest value seen lately, of those that are not small.
    longest: AtomicUsize,
    /// Clients that wait for others to let go.
    waiting: AtomicUsize,
    /// Somebody let go while others waited.
    released: Notify,
    turn: Arc<Places>,
}

impl Memory {
    /// Bounds what clients hold at `limit` bytes; 0 is unlimited.
    pub fn new(limit: usize) -> Memory {
        Memory {
            limit,
            used: AtomicUsize::new(0),
            longest: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            released: Notify::new(),
            turn: Places::new(Resource::Turn, 1, 1),
        }
    }

    /// A share for a client of `account` that holds nothing yet.
    pub fn share(self: &Arc<Memory>, account: &Arc<Account>) -> Share {
        let (memory, account) = (Arc::clone(self), Arc::clone(account));
        Share {
            memory,
            account,
            buffers: 0,
            replies: 0,
            turn: None,
            impatient_until: None,
            is_short_of_own: AtomicBool::new(false),
        }
    }

    /// How many clients wait for others to let go.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for others to let go.
    pub fn is_awaited(&self) -> bool {
        self.waiting() > 0
    }

    /// Whether all clients together have no more than the bound.
    pub fn is_within(&self) -> bool {
        self.has_room_in_all(0)
    }

    /// Whether there is room for so many more for a client of `account`.
    fn has_room(&self, account: &Account, bytes: usize) -> bool {
        self.has_room_in_all(bytes) && self.has_room_in_share(account, bytes)
    }

    fn has_room_in_all(&self, bytes: usize) -> bool {
        self.limit == 0 || self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.limit
    }

    /// Whether the user of `account` may have so many more. kvsock itself always may.
    fn has_room_in_share(&self, account: &Account, bytes: usize) -> bool {
        self.limit == 0
            || account.uid().is_none()
            || account.taken(Resource::Memory).saturating_add(bytes) <= self.limit / 4 * 3
    }

    fn add(&self, account: &Account, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        account.add(Resource::Memory, bytes);
    }

    fn subtract(&self, account: &Account, bytes: usize) {
        if bytes > 0 {
            account.subtract(Resource::Memory, bytes);
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            self.wake(account);
        }
    }

    /// Wakes one of those that wait for anybody, and one of those that wait for the user of
    /// `account`, to look whether there is room now. If there is, each wakes the next.
    fn wake(&self, account: &Account) {
        if self.is_awaited() {
            account.memory_released.notify_one();
            self.released.notify_one();
        }
    }

    /// Learns how long values are.
    fn learn(&self, bytes: usize) {
        if bytes > SMALL {
            self.longest.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// What a value of unknown length is taken for. It forgets slowly what it has learnt.
    fn expected_value(&self) -> usize {
        let longest = self.longest.load(Ordering::Relaxed);
        if longest > 0 {
            let less = longest - longest / 1024 - 1;
            self.longest.store(less, Ordering::Relaxed);
        }
        longest.max(SMALL_VALUE)
    }

    /// What one client's replies may take at a time.
    fn most(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit / FRACTION }
    }
}
