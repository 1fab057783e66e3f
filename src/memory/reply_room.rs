//! What replies take while they are on their way.

use std::sync::Arc;

use super::bound::{Memory, SMALL};
use crate::account::Account;

/// What the replies to one batch take, while they are on their way; given back when it is dropped.
#[derive(Debug)]
pub struct Hold {
    pub(super) memory: Arc<Memory>,
    /// Of the user whose client asks.
    pub(super) account: Arc<Account>,
    /// Bytes that have come.
    pub(super) bytes: usize,
    /// Bytes that there is room for.
    pub(super) room: usize,
    /// Its client has the right to go past the bound.
    pub(super) is_free: bool,
    /// See [`Hold::is_impatient`].
    pub(super) is_impatient: bool,
}

impl Hold {
    /// A hold of kvsock itself, on nothing that is bounded.
    pub fn unlimited() -> Hold {
        let memory = Arc::new(Memory::new(0));
        let account = Account::own();
        Hold { memory, account, bytes: 0, room: 0, is_free: true, is_impatient: false }
    }

    /// The account of the user whose client asks.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Whether the client has waited for a store that is away with a request that came before this
    /// one, or together with it: this one is tried, and does not wait again.
    pub fn is_impatient(&self) -> bool {
        self.is_impatient
    }

    /// All of it, to be taken along; nothing is left here.
    #[must_use]
    pub fn take(&mut self) -> Hold {
        Hold {
            memory: Arc::clone(&self.memory),
            account: Arc::clone(&self.account),
            bytes: std::mem::take(&mut self.bytes),
            room: std::mem::take(&mut self.room),
            is_free: self.is_free,
            is_impatient: self.is_impatient,
        }
    }

    /// Takes back what was taken along.
    pub fn join(&mut self, mut other: Hold) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.room += std::mem::take(&mut other.room);
    }

    /// So many more have come, or will; false, with nothing changed, when there is no room.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let is_first = self.bytes <= SMALL;
        // What has come needs no more room.
        let is_there = bytes == 0 && self.bytes <= self.room;
        let may_have_more = is_there || is_first || self.is_free || sum <= self.memory.most();
        if !may_have_more || !self.take_room(sum.saturating_sub(self.room)) {
            return false;
        }
        self.bytes = sum;
        true
    }

    /// The same of a reply that cannot be asked for again: it may take all the room that there is, and
    /// that of the client with the right to go past the bound as much as the bound once more.
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

    /// So many of those that came are let go.
    pub fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        let less = bytes.min(self.room);
        self.room -= less;
        self.memory.subtract(&self.account, less);
    }

    /// So many more have come, whether there is room or not.
    pub fn force(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.add_room(self.bytes.saturating_sub(self.room));
    }

    /// Learns how long a value is that was, or is to be, stored.
    pub fn learn(&self, bytes: usize) {
        self.memory.learn(bytes);
    }

    /// Gives back the room that was not needed.
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

impl Drop for Hold {
    fn drop(&mut self) {
        self.memory.subtract(&self.account, self.room);
    }
}
