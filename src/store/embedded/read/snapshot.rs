//! A snapshot of the committed data, and the reads that look at all of it.

use std::ops::Bound;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fjall::{Guard, Readable, Snapshot};

use super::cache::known::Known;
use super::cache::records::Epoch;
use super::keys::{Reader, Source};
use super::random;
use super::shared::Shared;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record, expiry_of, split_entry};
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::glob;
use crate::store::embedded::last::recent::Recent;

/// The committed data at one moment.
pub(crate) struct View<'a> {
    database: &'a Database,
    scope: &'a Scope,
    shared: &'a Shared,
    snapshot: Snapshot,
    /// No key that expired before is left in the expiry index.
    swept: u64,
    /// The epoch of the cache before the snapshot.
    epoch: Epoch,
}

impl<'a> View<'a> {
    /// The data as it is now. `epoch` was taken before `database`.
    pub(crate) fn new(
        database: &'a Database,
        scope: &'a Scope,
        shared: &'a Shared,
        epoch: Epoch,
    ) -> View<'a> {
        // Read before the snapshot is taken: an entry that was swept by then is missing from the
        // snapshot, too.
        let swept = shared.swept.load(Ordering::Acquire);
        View { database, scope, shared, snapshot: database.snapshot(), swept, epoch }
    }

    /// A reader of single keys for this user's client.
    pub(crate) fn reader(&self, now: u64, user: Option<u32>) -> Reader<'_, View<'a>> {
        let Shared { cursors, saved, .. } = self.shared;
        Reader { source: self, scope: self.scope, cursors, saved, now, user }
    }

    /// See [`is_all`].
    pub(crate) fn is_all(&self) -> Result<bool, Fault> {
        is_all(self.database, &self.snapshot, self.scope)
    }

    /// The record of a stored key, read from the database.
    pub(crate) fn stored_record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        let record = self.snapshot.get(&self.database.data, stored)?;
        Ok(record.map(Record::decode).transpose()?)
    }

    /// The key space that the commands see.
    pub(crate) fn scope(&self) -> &Scope {
        self.scope
    }

    /// The index of `last`.
    pub(crate) fn recent(&self) -> Result<Recent, Fault> {
        let state = self.database.state_at(&self.snapshot)?;
        // Each page is looked up by its number: a scan would pass every past version of each page.
        Recent::read(state.recent, |number| {
            Ok(self.snapshot.get(&self.database.recent, number.to_be_bytes())?)
        })
    }

    /// The number of live keys, and the earliest expiry among them.
    pub(crate) fn size(&self, now: u64) -> Result<(u64, Option<u64>), Fault> {
        let state = self.database.state_at(&self.snapshot)?;
        if state.prefix != self.scope.prefix {
            return self.size_of_part(now);
        }
        let stored = state.count;
        let mut expired = 0;
        for entry in self.snapshot.range(&self.database.expiry, self.swept.to_be_bytes()..) {
            let entry = entry.key()?;
            let (moment, key) = split_entry(&entry)?;
            // Entries that were swept meanwhile do not count any more.
            if moment > now.max(self.swept) {
                return Ok((stored.saturating_sub(expired), Some(moment)));
            }
            expired += u64::from(self.scope.client_key(key).is_some());
        }
        Ok((stored.saturating_sub(expired), None))
    }

    /// Counts the keys of a part one by one: the state holds no count of them.
    fn size_of_part(&self, now: u64) -> Result<(u64, Option<u64>), Fault> {
        let (mut count, mut next) = (0, None);
        for entry in self.snapshot.prefix(&self.database.data, &self.scope.stored_prefix) {
            let (_, record) = entry.into_inner()?;
            let expires = expiry_of(&record)?;
            if expires.is_none_or(|expires| expires > now) {
                count += 1;
                next = expires.into_iter().chain(next).min();
            }
        }
        Ok((count, next))
    }

    /// `KEYS`
    pub(crate) fn keys(&self, pattern: Option<&Bytes>, now: u64) -> Result<Reply, ErrorReply> {
        let wanted = |stored: &[u8]| {
            let name = self.scope.client_key(stored);
            name.is_some_and(|name| pattern.is_none_or(|pattern| glob::matches(pattern, name)))
        };
        let (mut keys, mut len) = (Vec::new(), 0);
        for entry in self.snapshot.prefix(&self.database.data, &self.scope.stored_prefix) {
            let (stored, record) = entry.into_inner_if(|key| wanted(key)).map_err(Fault::from)?;
            let (Some(record), Some(name)) = (record, self.scope.client_key(&stored)) else {
                continue;
            };
            if expiry_of(&record).map_err(Fault::from)?.is_some_and(|expires| expires <= now) {
                continue;
            }
            len += 8 + name.len();
            self.scope.check_len(len, "; use SCAN")?;
            keys.push(Some(Bytes::copy_from_slice(name)));
        }
        Ok(Reply::List(keys))
    }

    /// A live stored key; `None` if there is none, or if too many keys have expired.
    pub(crate) fn random_key(&self, now: u64) -> Result<Option<Bytes>, Fault> {
        let keys = self.snapshot.prefix(&self.database.data, &self.scope.stored_prefix);
        random::key(
            keys,
            |from, to| {
                let to = to.map_or(Bound::Unbounded, Bound::Excluded);
                self.snapshot.range(&self.database.data, (Bound::Included(from), to))
            },
            |stored| self.scope.client_key(stored).is_some(),
            now,
        )
    }

    /// `RANDOMKEY`
    pub(crate) fn random_name(&self, now: u64) -> Result<Reply, ErrorReply> {
        let found = self.random_key(now)?;
        Ok(match found.and_then(|stored| Some(self.scope.client_key(&stored)?.to_vec())) {
            Some(name) => self.scope.bounded(Reply::Value(name.into()))?,
            None => Reply::Nil,
        })
    }
}

/// Whether `scope` is all of the store: no key of another prefix is left from earlier settings.
pub(crate) fn is_all(
    database: &Database,
    snapshot: &Snapshot,
    scope: &Scope,
) -> Result<bool, Fault> {
    if database.state_at(snapshot)?.prefix != scope.prefix {
        return Ok(false);
    }
    for end in [snapshot.first_key_value(&database.data), snapshot.last_key_value(&database.data)] {
        let key = end.map(Guard::key).transpose()?;
        if key.is_some_and(|key| scope.client_key(&key).is_none()) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Source for View<'_> {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        match self.shared.cache.get(stored, self.epoch) {
            Some(Known::Absent) => return Ok(None),
            Some(Known::Present(record)) => return Ok(Some(record)),
            Some(Known::Long { .. }) => return self.stored_record(stored),
            None => {}
        }
        let record = self.stored_record(stored)?;
        self.shared.cache.put(stored, self.epoch, record.as_ref());
        Ok(record)
    }

    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_> {
        Box::new(self.database.keys_from(&self.snapshot, start))
    }
}
