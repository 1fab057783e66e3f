//! The key space: the prefix of its stored keys, and the bound of one reply.

use bytes::Bytes;
use fjall::Slice;
use smallvec::SmallVec;

use super::layout::{MAX_STORED_KEY, joined, stored_prefix};
use crate::message::{ErrorReply, Reply, refusal};
use crate::store::cost::bound::growth_error;

/// A stored key for a short time. Most fit without an allocation.
pub(crate) type StoredKey = SmallVec<[u8; 128]>;

/// The key space that commands see.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// The prefix as administrators configure it.
    pub(crate) prefix: Bytes,
    /// The prefix of stored keys.
    pub(crate) stored_prefix: Bytes,
    max_reply: usize,
}

impl Scope {
    /// The key space under `prefix`. Replies have at most `max_reply` bytes; 0 means no bound.
    pub(crate) fn new(prefix: Bytes, max_reply: usize) -> Scope {
        let stored_prefix = Bytes::from(stored_prefix(&prefix));
        let max_reply = if max_reply == 0 { usize::MAX } else { max_reply };
        Scope { prefix, stored_prefix, max_reply }
    }

    /// The part of this key space whose keys begin with `name`.
    pub(crate) fn part(&self, name: &[u8]) -> Scope {
        let prefix = Bytes::from([&self.prefix, name].concat());
        let stored_prefix = Bytes::from(stored_prefix(&prefix));
        Scope { prefix, stored_prefix, max_reply: self.max_reply }
    }

    /// The stored form of a client's key; `None` if the key is too long.
    pub(crate) fn stored(&self, key: &[u8]) -> Option<Slice> {
        (key.len() <= self.max_key()).then(|| joined(&self.stored_prefix, key))
    }

    /// The same, written to `room`, for a key that is only looked up.
    pub(crate) fn stored_in<'a>(&self, key: &[u8], room: &'a mut StoredKey) -> Option<&'a [u8]> {
        if key.len() > self.max_key() {
            return None;
        }
        room.clear();
        room.extend_from_slice(&self.stored_prefix);
        room.extend_from_slice(key);
        Some(room)
    }

    /// The client's key of a stored key; `None` if the key is outside of the key space.
    pub(crate) fn client_key<'a>(&self, stored: &'a [u8]) -> Option<&'a [u8]> {
        stored.strip_prefix(&self.stored_prefix[..])
    }

    /// The longest key that a client can store.
    pub(crate) fn max_key(&self) -> usize {
        MAX_STORED_KEY.saturating_sub(self.stored_prefix.len())
    }

    /// An error if a reply with `len` bytes of data is longer than the bound. `hint` ends the
    /// sentence.
    pub(crate) fn check_len(&self, len: usize, hint: &str) -> Result<(), ErrorReply> {
        if len <= self.max_reply {
            return Ok(());
        }
        Err(refusal::too_long(self.max_reply, hint))
    }

    /// An error if an operation would make a value longer than the bound.
    pub(crate) fn check_growth(&self, len: usize) -> Result<(), ErrorReply> {
        growth_error(len, self.max_reply).map_or(Ok(()), Err)
    }

    /// `reply`, or an error if it is longer than the bound.
    pub(crate) fn bounded(&self, reply: Reply) -> Result<Reply, ErrorReply> {
        self.check_len(reply.data_len(), "").map(|()| reply)
    }
}
