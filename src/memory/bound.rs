//! The bytes that all clients hold together, and the bound on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::account::{Account, Places, Resource};

/// A client that holds no more than this never waits for others.
pub const SMALL: usize = 64 * 1024;

/// What a value of unknown length is taken for, as long as none was seen that is not small.
const SMALL_VALUE: usize = 256;

/// The part of the bound that one client's replies may take at a time, unless it is one reply.
const FRACTION: usize = 16;

/// Bytes that all clients hold.
#[derive(Debug)]
pub struct Memory {
    pub(super) limit: usize,
    pub(super) used: AtomicUsize,
    /// The longest value seen lately, of those that are not small.
    pub(super) longest: AtomicUsize,
    /// Clients that wait for others to let go.
    pub(super) waiting: AtomicUsize,
    /// Somebody let go while others waited.
    pub(super) released: Notify,
    pub(super) turn: Arc<Places>,
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
    pub(super) fn has_room(&self, account: &Account, bytes: usize) -> bool {
        self.has_room_in_all(bytes) && self.has_room_in_share(account, bytes)
    }

    fn has_room_in_all(&self, bytes: usize) -> bool {
        self.limit == 0 || self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.limit
    }

    /// Whether the user of `account` may have so many more. kvsock itself always may.
    pub(super) fn has_room_in_share(&self, account: &Account, bytes: usize) -> bool {
        self.limit == 0
            || account.uid().is_none()
            || account.taken(Resource::Memory).saturating_add(bytes) <= self.limit / 4 * 3
    }

    pub(super) fn add(&self, account: &Account, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        account.add(Resource::Memory, bytes);
    }

    pub(super) fn subtract(&self, account: &Account, bytes: usize) {
        if bytes > 0 {
            account.subtract(Resource::Memory, bytes);
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            self.wake(account);
        }
    }

    /// Wakes one of those that wait for anybody, and one of those that wait for the user of
    /// `account`, to look whether there is room now. If there is, each wakes the next.
    pub(super) fn wake(&self, account: &Account) {
        if self.is_awaited() {
            account.memory_released.notify_one();
            self.released.notify_one();
        }
    }

    /// Learns how long values are.
    pub(super) fn learn(&self, bytes: usize) {
        if bytes > SMALL {
            self.longest.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// What a value of unknown length is taken for. It forgets slowly what it has learnt.
    pub(super) fn expected_value(&self) -> usize {
        let longest = self.longest.load(Ordering::Relaxed);
        if longest > 0 {
            let less = longest - longest / 1024 - 1;
            self.longest.store(less, Ordering::Relaxed);
        }
        longest.max(SMALL_VALUE)
    }

    /// What one client's replies may take at a time.
    pub(super) fn most(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit / FRACTION }
    }
}
