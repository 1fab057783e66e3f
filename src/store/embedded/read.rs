//! Operations that only read, on one unchanging picture of the committed data.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use fjall::{Readable, Snapshot};

use super::database::Database;
use super::expiry;
use super::fault::Fault;
use super::glob;
use super::integer;
use super::layout::{Record, expiry_of, split_entry};
use super::scope::Scope;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Operation, Verb, is_reserved};

/// Where records are looked up: the committed data, or a transaction on top of it.
pub(super) trait Source {
    /// The record of a stored key, expired or not.
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault>;
}

/// The committed data at one moment.
pub(super) struct View<'a> {
    database: &'a Database,
    scope: &'a Scope,
    snapshot: Snapshot,
    swept: u64,
}

impl<'a> View<'a> {
    /// The data as it is now; no key that expired before `swept` is left in the expiry index.
    pub(super) fn new(database: &'a Database, scope: &'a Scope, swept: &AtomicU64) -> View<'a> {
        // Read first: what was swept by then is gone from the snapshot too.
        let swept = swept.load(Ordering::Acquire);
        View { database, scope, snapshot: database.snapshot(), swept }
    }

    /// Carries out an operation that only reads.
    pub(super) fn execute(&self, operation: &Operation, now: u64) -> Reply {
        let reply = match operation.verb {
            _ if names_reserved(operation) => Err(reserved()),
            Verb::Last => self.last(&operation.args, now),
            Verb::Size => self.size(now),
            Verb::Keys => self.keys(operation.args.first(), now),
            _ => keyed(self, self.scope, operation, now),
        };
        reply.unwrap_or_else(Reply::Error)
    }

    fn last(&self, args: &[Bytes], now: u64) -> Result<Reply, ErrorReply> {
        let count = args.first().and_then(|count| integer::parse(count)).filter(|n| *n > 0);
        let Some(count) = count else {
            return Err(ErrorReply::Failed("value is not an integer or out of range".into()));
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (mut pairs, mut len) = (Vec::new(), 0);
        for key in self.recent_keys()?.into_iter().rev() {
            if pairs.len() == count {
                break;
            }
            let Some(name) = self.scope.client_key(&key) else { continue };
            let record = self.record(&key)?.filter(|record| !record.is_expired(now));
            if let Some(record) = record {
                len += 16 + name.len() + record.value.len();
                self.scope.check_len(len, "")?;
                pairs.push((Bytes::copy_from_slice(name), record.value));
            }
        }
        pairs.reverse();
        Ok(Reply::Pairs(pairs))
    }

    /// Stored keys in the order in which they were set.
    fn recent_keys(&self) -> Result<Vec<Bytes>, Fault> {
        let state = self.database.state_at(&self.snapshot)?;
        let mut keys = Vec::new();
        // One look-up a slot: a scan would pass every past content of each slot.
        for slot in 0..state.slots {
            if let Some(entry) = self.snapshot.get(&self.database.recent, slot.to_be_bytes())? {
                let (sequence, key) = split_entry(&entry)?;
                keys.push((sequence, Bytes::copy_from_slice(key)));
            }
        }
        keys.sort_unstable_by_key(|(sequence, _)| *sequence);
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }

    fn size(&self, now: u64) -> Result<Reply, ErrorReply> {
        let stored = self.database.state_at(&self.snapshot)?.count;
        let (from, to) = (self.swept.to_be_bytes(), now.saturating_add(1).to_be_bytes());
        let mut expired = 0;
        for entry in self.snapshot.range(&self.database.expiry, from..to) {
            let entry = entry.key().map_err(Fault::from)?;
            let (_, key) = split_entry(&entry).map_err(Fault::from)?;
            expired += u64::from(self.scope.client_key(key).is_some());
        }
        let live = stored.saturating_sub(expired);
        Ok(Reply::Integer(i64::try_from(live).unwrap_or(i64::MAX)))
    }

    fn keys(&self, pattern: Option<&Bytes>, now: u64) -> Result<Reply, ErrorReply> {
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
}

impl Source for View<'_> {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        let record = self.snapshot.get(&self.database.data, stored)?;
        Ok(record.map(Record::decode).transpose()?)
    }
}

/// Carries out an operation that reads the keys it names, or none.
pub(super) fn keyed(
    source: &impl Source,
    scope: &Scope,
    operation: &Operation,
    now: u64,
) -> Result<Reply, ErrorReply> {
    let live = |key: &Bytes| -> Result<Option<Record>, Fault> {
        // A key that is too long to be stored is not there.
        let Some(stored) = scope.stored(key) else { return Ok(None) };
        Ok(source.record(&stored)?.filter(|record| !record.is_expired(now)))
    };
    match (operation.verb, &operation.args[..]) {
        (Verb::Ping, _) => Ok(Reply::Status("PONG")),
        (Verb::Get, [key]) => match live(key)? {
            Some(record) => scope.bounded(Reply::Value(record.value)),
            None => Ok(Reply::Nil),
        },
        (Verb::Exists, keys) => {
            let mut found = 0;
            for key in keys {
                found += i64::from(live(key)?.is_some());
            }
            Ok(Reply::Integer(found))
        }
        (Verb::Ttl, [key]) => Ok(Reply::Integer(match live(key)? {
            None => -2,
            Some(Record { expires: None, .. }) => -1,
            Some(Record { expires: Some(moment), .. }) => expiry::remaining_seconds(moment, now),
        })),
        (verb, _) => Err(wrong_arguments(verb)),
    }
}

/// Whether an operation names a key that is kvsock's own.
pub(super) fn names_reserved(operation: &Operation) -> bool {
    operation.keys().any(|key| is_reserved(key))
}

/// The error for [`names_reserved`].
pub(super) fn reserved() -> ErrorReply {
    ErrorReply::Failed("key is reserved for kvsock".into())
}

/// The error for a number of arguments that the command table should not have let pass.
pub(super) fn wrong_arguments(verb: Verb) -> ErrorReply {
    let name = verb.name().to_ascii_lowercase();
    ErrorReply::Failed(format!("wrong number of arguments for '{name}' command").into())
}
