//! The bytes that all clients hold together, and the bound on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::account::{Account, Places, Resource};

/// A client that holds no more than this never waits for memory.
pub const SMALL: usize = 64 * 1024;

/// The assumed length of a value, as long as no long value was seen.
const SMALL_VALUE: usize = 256;

/// The fraction of the bound that one client's replies may take at a time, except a single reply.
const FRACTION: usize = 16;

/// Bytes that all clients hold.
#[derive(Debug)]
pub struct Memory {
    pub(super) limit: usize,
    pub(super) used: AtomicUsize,
    /// The length of the longest value seen lately that exceeds [`SMALL`].
    pub(super) longest: AtomicUsize,
    /// The number of clients that wait for memory.
    pub(super) waiting: AtomicUsize,
    /// Signals that a client let go of memory while others waited.
    pub(super) released: Notify,
    pub(super) turn: Arc<Places>,
}

impl Memory {
    /// Bounds the memory of all clients at `limit` bytes; 0 is unlimited.
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

    /// The number of clients that wait for memory.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether any client waits for memory.
    pub fn is_awaited(&self) -> bool {
        self.waiting() > 0
    }

    /// Whether all clients together hold no more than the bound.
    pub fn is_within(&self) -> bool {
        self.has_room_in_all(0)
    }

    /// Whether a client of `account` has room for `bytes` more.
    pub(super) fn has_room(&self, account: &Account, bytes: usize) -> bool {
        self.has_room_in_all(bytes) && self.has_room_in_share(account, bytes)
    }

    fn has_room_in_all(&self, bytes: usize) -> bool {
        self.limit == 0 || self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.limit
    }

    /// Whether the user of `account` may hold `bytes` more. kvsock itself always may.
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

    /// Wakes one client that waits for any memory, and one that waits for memory of the user of
    /// `account`. Each checks for room, and wakes the next if there is some.
    pub(super) fn wake(&self, account: &Account) {
        if self.is_awaited() {
            account.memory_released.notify_one();
            self.released.notify_one();
        }
    }

    /// Learns the length of a value.
    pub(super) fn learn(&self, bytes: usize) {
        if bytes > SMALL {
            self.longest.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// The assumed length of a value of unknown length. The learnt length decays slowly.
    pub(super) fn expected_value(&self) -> usize {
        let longest = self.longest.load(Ordering::Relaxed);
        if longest > 0 {
            let less = longest - longest / 1024 - 1;
            self.longest.store(less, Ordering::Relaxed);
        }
        longest.max(SMALL_VALUE)
    }

    /// The most bytes that one client's replies may take at a time.
    pub(super) fn most(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit / FRACTION }
    }
}
