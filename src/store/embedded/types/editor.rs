//! Keys as clients name them, changed inside a transaction.

use bytes::Bytes;
use fjall::Slice;

use crate::message::ErrorReply;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::cursor::table::Cursors;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::read::save_mark::SaveMark;

/// Data with changes on top, and what takes more of them.
pub(crate) trait Edit: Source {
    /// Stores a record.
    fn put(&mut self, stored: &Slice, record: Record) -> Result<(), Fault>;

    /// Stores a record whose key thereby becomes the most recently set.
    fn set(&mut self, stored: &Slice, record: Record) -> Result<(), Fault>;

    /// Removes a key, which counts as a change of it.
    fn remove(&mut self, stored: &Slice) -> Result<(), Fault>;

    /// Removes a key that is gone already as far as clients can see, or that was told of.
    fn discard(&mut self, stored: &Slice) -> Result<(), Fault>;
}

/// Whatever takes changes.
pub(crate) struct Target<'a>(pub(crate) &'a mut dyn Edit);

impl Source for Target<'_> {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        self.0.record(stored)
    }

    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_> {
        self.0.keys_from(start)
    }
}

/// What an operation that writes has at hand.
pub(crate) struct Editor<'a> {
    /// The data, and the changes so far.
    pub(crate) target: Target<'a>,
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

impl<'a> Editor<'a> {
    /// For looking up what is there, changes so far included.
    pub(crate) fn reader(&self) -> Reader<'_, Target<'a>> {
        let Editor { scope, cursors, saved, now, user, .. } = *self;
        Reader { source: &self.target, scope, cursors, saved, now, user }
    }

    /// The record of a key, unless it has expired.
    pub(crate) fn live(&self, key: &[u8]) -> Result<Option<Record>, Fault> {
        self.reader().live(key)
    }

    /// Stores a whole value, whose key thereby becomes the most recently set; one that is to
    /// expire in the past is gone at once.
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

    /// Changes a part of a key's record, or makes it, which is no setting. `old` is what was
    /// live there; a record that is to expire in the past is gone at once.
    pub(crate) fn change(
        &mut self,
        key: &Bytes,
        old: Option<&Record>,
        record: Record,
    ) -> Result<(), ErrorReply> {
        let stored = self.storable(key)?;
        if old.is_none() {
            // An expired key that is still stored must not lend its place in `last`.
            self.target.0.discard(&stored)?;
        } else if record.is_expired(self.now) {
            self.target.0.remove(&stored)?;
        }
        if !record.is_expired(self.now) {
            self.target.0.put(&stored, record)?;
        }
        Ok(())
    }

    /// Removes a key; whether it was there.
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
