//! The editor: changes of keys by the names that clients give them.

use bytes::Bytes;
use fjall::Slice;

use crate::message::ErrorReply;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::cursor::table::Cursors;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::read::save_mark::SaveMark;

/// Data that takes changes.
pub(crate) trait Edit: Source {
    /// Stores a record.
    fn put(&mut self, stored: &Slice, record: Record) -> Result<(), Fault>;

    /// Stores a record, and makes its key the most recently set one.
    fn set(&mut self, stored: &Slice, record: Record) -> Result<(), Fault>;

    /// Removes a key. Clients that watch the key are told.
    fn remove(&mut self, stored: &Slice) -> Result<(), Fault>;

    /// Removes a key without telling clients: the key has expired for them, or they were told.
    fn discard(&mut self, stored: &Slice) -> Result<(), Fault>;
}

/// The data that an editor changes.
pub(crate) struct Target<'a>(pub(crate) &'a mut dyn Edit);

impl Source for Target<'_> {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        self.0.record(stored)
    }

    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_> {
        self.0.keys_from(start)
    }
}

/// The context of an operation that writes.
pub(crate) struct Editor<'a> {
    /// The data with the changes so far.
    pub(crate) target: Target<'a>,
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

impl<'a> Editor<'a> {
    /// A reader of the data with the changes so far.
    pub(crate) fn reader(&self) -> Reader<'_, Target<'a>> {
        let Editor { scope, cursors, saved, now, user, .. } = *self;
        Reader { source: &self.target, scope, cursors, saved, now, user }
    }

    /// The record of a key; `None` if the key is absent or has expired.
    pub(crate) fn live(&self, key: &[u8]) -> Result<Option<Record>, Fault> {
        self.reader().live(key)
    }

    /// Sets a key to a value, and makes the key the most recently set one. A value whose expiry is
    /// past removes the key.
    pub(crate) fn set(
        &mut self,
        key: &Bytes,
        value: Bytes,
        expires: Option<u64>,
    ) -> Result<(), ErrorReply> {
        let stored = self.storable(key)?;
        let record = Record { expires, value };
        if !record.is_expired(self.now) {
            self.target.0.set(&stored, record)?;
        } else if self.live(key)?.is_some() {
            self.target.0.remove(&stored)?;
        } else {
            self.target.0.discard(&stored)?;
        }
        Ok(())
    }

    /// Changes a part of the record of a key, or creates the record. This does not count as a
    /// setting of the key. `old` is the live record before. A record whose expiry is past removes
    /// the key.
    pub(crate) fn change(
        &mut self,
        key: &Bytes,
        old: Option<&Record>,
        record: Record,
    ) -> Result<(), ErrorReply> {
        let stored = self.storable(key)?;
        if old.is_none() {
            // A stored key that has expired must not pass its place in `last` on.
            self.target.0.discard(&stored)?;
        } else if record.is_expired(self.now) {
            self.target.0.remove(&stored)?;
        }
        if !record.is_expired(self.now) {
            self.target.0.put(&stored, record)?;
        }
        Ok(())
    }

    /// Removes a key. Returns whether the key was present.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<bool, Fault> {
        let is_live = self.live(key)?.is_some();
        if is_live && let Some(stored) = self.scope.stored(key) {
            self.target.0.remove(&stored)?;
        }
        Ok(is_live)
    }

    /// The stored form of a key, or an error if it is too long to be stored.
    pub(crate) fn storable(&self, key: &[u8]) -> Result<Slice, ErrorReply> {
        self.scope.stored(key).ok_or_else(|| {
            let text = format!("key longer than {} bytes", self.scope.max_key());
            ErrorReply::Failed(text.into())
        })
    }
}
