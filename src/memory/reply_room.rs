//! The memory of replies on their way from the store.

use std::sync::Arc;

use super::bound::{Memory, SMALL};
use crate::account::Account;

/// The memory of the replies to one batch while they are on their way; given back when it is
/// dropped.
#[derive(Debug)]
pub struct ReplyRoom {
    pub(super) memory: Arc<Memory>,
    /// The account of the client's user.
    pub(super) account: Arc<Account>,
    /// Bytes received.
    pub(super) bytes: usize,
    /// Bytes reserved.
    pub(super) room: usize,
    /// Whether the client has the right to exceed the bound.
    pub(super) is_free: bool,
    /// See [`ReplyRoom::is_impatient`].
    pub(super) is_impatient: bool,
}

impl ReplyRoom {
    /// Room for kvsock's own requests, without a bound.
    pub fn unlimited() -> ReplyRoom {
        let memory = Arc::new(Memory::new(0));
        let account = Account::own();
        ReplyRoom { memory, account, bytes: 0, room: 0, is_free: true, is_impatient: false }
    }

    /// The account of the client's user.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Whether the client has already waited for an unreachable store, with a request of the same
    /// pipeline. The store is then tried once, without a wait.
    pub fn is_impatient(&self) -> bool {
        self.is_impatient
    }

    /// Moves all of the room out, for another task; an empty one remains.
    #[must_use]
    pub fn take(&mut self) -> ReplyRoom {
        ReplyRoom {
            memory: Arc::clone(&self.memory),
            account: Arc::clone(&self.account),
            bytes: std::mem::take(&mut self.bytes),
            room: std::mem::take(&mut self.room),
            is_free: self.is_free,
            is_impatient: self.is_impatient,
        }
    }

    /// Takes back room that was moved out.
    pub fn join(&mut self, mut other: ReplyRoom) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.room += std::mem::take(&mut other.room);
    }

    /// Adds `bytes` that arrive or are expected. False, with no change, if memory has no room.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let is_first = self.bytes <= SMALL;
        // Bytes received within the reserved room need no more.
        let is_there = bytes == 0 && self.bytes <= self.room;
        let may_have_more = is_there || is_first || self.is_free || sum <= self.memory.most();
        if !may_have_more || !self.take_room(sum.saturating_sub(self.room)) {
            return false;
        }
        self.bytes = sum;
        true
    }

    /// Like [`ReplyRoom::grow`], for a reply that cannot be requested again. It may take all the room
    /// that is left. With the right to exceed the bound it may take as much as the bound once more.
    pub fn claim(&mut self, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let more = sum.saturating_sub(self.room);
        let limit = self.memory.limit;
        let has_room = more == 0
            || limit == 0
            || sum <= SMALL
            || self.memory.has_room(&self.account, more)
            || (self.is_free && sum <= limit);
        if has_room {
            self.bytes = sum;
            self.add_room(more);
        }
        has_room
    }

    /// Lets go of `bytes` of the received ones.
    pub fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        let less = bytes.min(self.room);
        self.room -= less;
        self.memory.subtract(&self.account, less);
    }

    /// Adds `bytes` whether memory has room or not.
    pub fn force(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.add_room(self.bytes.saturating_sub(self.room));
    }

    /// Learns the length of a value that was, or is to be, stored.
    pub fn learn(&self, bytes: usize) {
        self.memory.learn(bytes);
    }

    /// Gives back the reserved room that was not needed.
    pub(super) fn settle(&mut self) {
        self.memory.subtract(&self.account, self.room.saturating_sub(self.bytes));
        self.room = self.room.min(self.bytes);
    }

    pub(super) fn take_room(&mut self, bytes: usize) -> bool {
        let is_small = self.room.saturating_add(bytes) <= SMALL;
        let has_room = is_small || self.is_free || self.memory.has_room(&self.account, bytes);
        if has_room {
            self.add_room(bytes);
        }
        has_room
    }

    fn add_room(&mut self, bytes: usize) {
        if self.memory.limit != 0 && bytes > 0 {
            self.memory.add(&self.account, bytes);
            self.room += bytes;
        }
    }
}

impl Drop for ReplyRoom {
    fn drop(&mut self) {
        self.memory.subtract(&self.account, self.room);
    }
}
