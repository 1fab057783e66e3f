//! Operations that name their keys, reading or writing, inside a transaction.

use bytes::Bytes;

use super::expiry;
use super::fault::Fault;
use super::integer;
use super::layout::Record;
use super::read::{Source, keyed, names_reserved, reserved, wrong_arguments};
use super::scope::Scope;
use super::transaction::Transaction;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Operation, Verb};

/// Carries out an operation; an error changed nothing.
pub(super) fn execute(
    transaction: &mut Transaction,
    scope: &Scope,
    operation: &Operation,
    now: u64,
) -> Reply {
    if names_reserved(operation) {
        return Reply::Error(reserved());
    }
    let mut keyspace = Keyed { transaction, scope, now };
    let reply = match (operation.verb, &operation.args[..]) {
        (Verb::Set, [key, value]) => keyspace.set(key, value, None),
        (Verb::SetEx, [key, seconds, value]) => expiry::for_setex(seconds, now)
            .and_then(|expires| keyspace.set(key, value, Some(expires))),
        (Verb::Del, keys) => keyspace.delete(keys),
        (Verb::Incr, [key]) => keyspace.add(key, 1),
        (Verb::Decr, [key]) => keyspace.add(key, -1),
        (Verb::Expire, [key, seconds]) => {
            expiry::for_expire(seconds, now).and_then(|expires| keyspace.expire(key, expires))
        }
        (Verb::Persist, [key]) => keyspace.persist(key),
        (Verb::Ping | Verb::Get | Verb::Exists | Verb::Ttl, _) => {
            keyed(keyspace.transaction, scope, operation, now)
        }
        (verb, _) => Err(wrong_arguments(verb)),
    };
    reply.unwrap_or_else(Reply::Error)
}

/// The keys as clients name them, at one moment.
struct Keyed<'a> {
    transaction: &'a mut Transaction,
    scope: &'a Scope,
    now: u64,
}

impl Keyed<'_> {
    fn set(
        &mut self,
        key: &Bytes,
        value: &Bytes,
        expires: Option<u64>,
    ) -> Result<Reply, ErrorReply> {
        let stored = self.storable(key)?;
        self.transaction.set(&stored, Record { expires, value: value.clone() })?;
        Ok(Reply::OK)
    }

    fn delete(&mut self, keys: &[Bytes]) -> Result<Reply, ErrorReply> {
        let mut removed = 0;
        for key in keys {
            if let Some((stored, _)) = self.live(key)? {
                self.transaction.remove(&stored)?;
                removed += 1;
            }
        }
        Ok(Reply::Integer(removed))
    }

    fn add(&mut self, key: &Bytes, step: i64) -> Result<Reply, ErrorReply> {
        let stored = self.storable(key)?;
        let (old, expires) = match self.live(key)? {
            None => {
                // An expired key that is still stored must not lend its place in `last`.
                self.transaction.remove(&stored)?;
                (0, None)
            }
            Some((_, record)) => {
                let number = integer::parse(&record.value)
                    .ok_or(ErrorReply::Failed("value is not an integer or out of range".into()))?;
                (number, record.expires)
            }
        };
        let Some(new) = old.checked_add(step) else {
            return Err(ErrorReply::Failed("increment or decrement would overflow".into()));
        };
        let value = Bytes::from(new.to_string());
        self.transaction.put(&stored, Record { expires, value })?;
        Ok(Reply::Integer(new))
    }

    fn expire(&mut self, key: &Bytes, expires: Option<u64>) -> Result<Reply, ErrorReply> {
        let Some((stored, record)) = self.live(key)? else { return Ok(Reply::Integer(0)) };
        match expires {
            Some(_) => self.transaction.put(&stored, Record { expires, ..record })?,
            None => self.transaction.remove(&stored)?,
        }
        Ok(Reply::Integer(1))
    }

    fn persist(&mut self, key: &Bytes) -> Result<Reply, ErrorReply> {
        match self.live(key)? {
            Some((stored, record)) if record.expires.is_some() => {
                self.transaction.put(&stored, Record { expires: None, ..record })?;
                Ok(Reply::Integer(1))
            }
            _ => Ok(Reply::Integer(0)),
        }
    }

    fn live(&self, key: &Bytes) -> Result<Option<(Bytes, Record)>, Fault> {
        let Some(stored) = self.scope.stored(key) else { return Ok(None) };
        let record = self.transaction.record(&stored)?.filter(|it| !it.is_expired(self.now));
        Ok(record.map(|record| (stored, record)))
    }

    fn storable(&self, key: &Bytes) -> Result<Bytes, ErrorReply> {
        self.scope.stored(key).ok_or_else(|| {
            let text = format!("key longer than {} bytes", self.scope.max_key());
            ErrorReply::Failed(text.into())
        })
    }
}
