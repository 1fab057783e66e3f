//! Look-ups of keys by the names that clients give them.

use bytes::Bytes;

use super::cursor::table::Cursors;
use super::save_mark::SaveMark;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::format::scope::{Scope, StoredKey};

/// A source of records: the committed data, or the changes of a transaction over the committed
/// data.
pub(crate) trait Source {
    /// The record of a stored key, expired or not.
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault>;

    /// The stored keys from `start` on, in order, including expired keys.
    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_>;
}

/// The context of an operation that reads.
pub(crate) struct Reader<'a, S> {
    /// The data.
    pub(crate) source: &'a S,
    /// The key space of the client.
    pub(crate) scope: &'a Scope,
    /// The cursors of SCAN.
    pub(crate) cursors: &'a Cursors,
    /// The moment of the last save.
    pub(crate) saved: &'a SaveMark,
    /// The moment, in Unix milliseconds.
    pub(crate) now: u64,
    /// The user of the client; `None` for kvsock itself.
    pub(crate) user: Option<u32>,
}

impl<S: Source> Reader<'_, S> {
    /// The record of a client's key; `None` if the key is absent or has expired.
    pub(crate) fn live(&self, key: &[u8]) -> Result<Option<Record>, Fault> {
        let mut room = StoredKey::new();
        // A key that is too long to be stored is absent.
        let Some(stored) = self.scope.stored_in(key, &mut room) else { return Ok(None) };
        Ok(self.source.record(stored)?.filter(|record| !record.is_expired(self.now)))
    }

    /// The value of a client's key; `None` if the key is absent.
    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.live(key)?.map(|record| record.value))
    }

    /// The value of a client's key; empty if the key is absent.
    pub(crate) fn value_or_empty(&self, key: &[u8]) -> Result<Bytes, Fault> {
        Ok(self.value(key)?.unwrap_or_default())
    }
}
