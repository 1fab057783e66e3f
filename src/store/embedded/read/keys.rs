//! Keys as clients name them, looked up at one moment.

use bytes::Bytes;

use super::cursor::table::Cursors;
use super::save_mark::SaveMark;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::format::scope::{Scope, StoredKey};

/// Where records are looked up: the committed data, or a transaction on top of it.
pub(crate) trait Source {
    /// The record of a stored key, expired or not.
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault>;

    /// The stored keys that are not before `start`, in order, expired ones among them.
    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_>;
}

/// What an operation that reads has at hand.
pub(crate) struct Reader<'a, S> {
    /// The data.
    pub(crate) source: &'a S,
    /// The part of it that clients see.
    pub(crate) scope: &'a Scope,
    /// Where iterations go on.
    pub(crate) cursors: &'a Cursors,
    /// When all data was last known to be on disk.
    pub(crate) saved: &'a SaveMark,
    /// The moment, in Unix milliseconds.
    pub(crate) now: u64,
    /// The user whose client asks; none for kvsock itself.
    pub(crate) user: Option<u32>,
}

impl<S: Source> Reader<'_, S> {
    /// The record of a client's key, unless it has expired.
    pub(crate) fn live(&self, key: &[u8]) -> Result<Option<Record>, Fault> {
        let mut room = StoredKey::new();
        // A key that is too long to be stored is not there.
        let Some(stored) = self.scope.stored_in(key, &mut room) else { return Ok(None) };
        Ok(self.source.record(stored)?.filter(|record| !record.is_expired(self.now)))
    }

    /// The value of a client's key, or none.
    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.live(key)?.map(|record| record.value))
    }

    /// The value of a client's key; empty when there is none.
    pub(crate) fn value_or_empty(&self, key: &[u8]) -> Result<Bytes, Fault> {
        Ok(self.value(key)?.unwrap_or_default())
    }
}
