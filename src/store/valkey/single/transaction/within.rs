//! Operations within MULTI that take several round trips elsewhere. Here all commands are sent
//! before any reply is known. Operations on the whole database are refused under a prefix, and all
//! of these on a cluster, see [`crate::store::Store::refuses_in_transaction`].

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use rand::seq::IndexedRandom;

use crate::command::table::spec::{Effect, Own};
use crate::message::Reply;
use crate::store::operation;
use crate::store::operation::Operation;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::last::fate;
use crate::store::valkey::last::fate::Fate;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::single::compound::count;
use crate::store::valkey::wire::command::Commands;

/// The number of RANDOMKEY commands, since one may give the index of `last`.
const TRIES: usize = 8;

/// If all RANDOMKEY commands give the index, a key is chosen among this many.
const CHOICE: &[u8] = b"100";

/// `LAST` skips up to this many keys that have expired since the index was written.
const SLACK: usize = 100;

/// The context of a transaction's operations.
pub(crate) struct Within<'a> {
    pub(crate) prefix: &'a Prefix,
    pub(crate) index: &'a Index,
}

impl Within<'_> {
    /// The reply to an operation that is not sent.
    pub(crate) fn answer(&self, operation: &Operation) -> Option<Reply> {
        if let Some(error) = operation.refusal() {
            return Some(Reply::Error(error));
        }
        if operation.own() != Own::Last {
            return None;
        }
        match count(operation) {
            Err(Fault::Refused(reply)) => Some(reply),
            Err(_) => Some(reply::unexpected()),
            Ok(_) => (self.index.depth() == 0).then(|| Reply::Pairs(Vec::new())),
        }
    }

    /// Appends the commands of the operation at `position`.
    pub(crate) fn write(&self, batch: &[Operation], position: usize, commands: &mut Commands) {
        let operation = &batch[position];
        match operation.own() {
            Own::Size => {
                commands.push(&[b"DBSIZE"]);
                commands.push(&[b"EXISTS", self.index.name()]);
            }
            Own::RandomKey => {
                (0..TRIES).for_each(|_| commands.push(&[b"RANDOMKEY"]));
                commands.push(&[b"SCAN", b"0", b"COUNT", CHOICE]);
            }
            Own::Keys => {
                let pattern = operation.args.first().map_or(&b"*"[..], AsRef::as_ref);
                commands.push(&[b"KEYS", &self.prefix.glob(pattern)]);
            }
            Own::Last => self.write_last(batch, position, commands),
            _ => self.prefix.write(operation, commands),
        }
    }

    /// The reply to the operation at `position`, from the replies to its commands. `before` holds
    /// the replies to the operations before it.
    pub(crate) fn reply(
        &self,
        batch: &[Operation],
        position: usize,
        before: &[Reply],
        answers: &mut impl Iterator<Item = Reply>,
    ) -> Reply {
        let mut next = || answers.next().unwrap_or_else(reply::unexpected);
        let result = match batch[position].own() {
            Own::Size => {
                let (all, own) = (next(), next());
                reply::integer(all).and_then(|all| Ok(Reply::Integer(all - reply::integer(own)?)))
            }
            Own::RandomKey => {
                let tries: Vec<Reply> = (0..TRIES).map(|_| next()).collect();
                self.random_key(tries, next())
            }
            Own::Keys => self.keys(next()),
            Own::Last => {
                let newest = next();
                let written = written(batch, position);
                let values = if written.is_empty() { None } else { Some(next()) };
                self.last(batch, position, before, (newest, written, values))
            }
            _ => return next(),
        };
        result.unwrap_or_else(|fault| match fault {
            Fault::Refused(reply) => reply,
            Fault::Lost(_) | Fault::NoRoom => reply::unexpected(),
        })
    }

    fn random_key(&self, tries: Vec<Reply>, scanned: Reply) -> Result<Reply, Fault> {
        for reply in tries {
            match reply::granted(reply)? {
                Reply::Nil => return Ok(Reply::Nil),
                reply => {
                    if let Some(key) = self.prefix.public(&reply::key(reply)?) {
                        return Ok(Reply::Value(key));
                    }
                }
            }
        }
        let Some(keys) = reply::array(scanned)?.pop() else { return Ok(Reply::Nil) };
        let keys = self.own_keys(keys)?;
        Ok(keys.choose(&mut rand::rng()).cloned().map_or(Reply::Nil, Reply::Value))
    }

    fn keys(&self, reply: Reply) -> Result<Reply, Fault> {
        let mut keys = self.own_keys(reply)?;
        keys.sort_unstable();
        Ok(Reply::List(keys.into_iter().map(Some).collect()))
    }

    /// The client's names of the keys, without kvsock's own keys.
    fn own_keys(&self, reply: Reply) -> Result<Vec<Bytes>, Fault> {
        let keys = reply::array(reply)?.into_iter().map(reply::key);
        let keys: Vec<Bytes> = keys.collect::<Result<_, _>>()?;
        Ok(keys.iter().filter_map(|key| self.prefix.public(key)).collect())
    }

    /// Appends commands for the newest keys of the index with their values, and for the values of
    /// the keys that the transaction itself has set by then.
    fn write_last(&self, batch: &[Operation], position: usize, commands: &mut Commands) {
        let wanted = wanted(&batch[position]).min(self.index.depth());
        let (wanted, pattern) =
            (wanted.to_string(), self.prefix.sort_pattern().unwrap_or_default());
        commands.push(&[
            b"SORT",
            self.index.name(),
            b"BY",
            b"nosort",
            b"LIMIT",
            b"0",
            wanted.as_bytes(),
            b"GET",
            b"#",
            b"GET",
            &pattern,
            b"DESC",
        ]);
        let written = written(batch, position);
        if !written.is_empty() {
            commands.begin(1 + written.len());
            commands.word(b"MGET");
            for key in written {
                commands.word(&self.prefix.stored(key));
            }
        }
    }

    fn last(
        &self,
        batch: &[Operation],
        position: usize,
        before: &[Reply],
        (newest, written, values): (Reply, Vec<&Bytes>, Option<Reply>),
    ) -> Result<Reply, Fault> {
        let newest = reply::array(newest)?;
        let values = values.map_or(Ok(Vec::new()), reply::array)?;
        let values: HashMap<&Bytes, Reply> = written.into_iter().zip(values).collect();
        let wanted = count(&batch[position])?.min(self.index.depth());
        let mut pairs: Vec<(Bytes, Bytes)> = Vec::new();
        let mut seen: HashSet<Bytes> = HashSet::new();
        let begun = cleared(batch, position);
        for (operation, reply) in batch[begun..position].iter().zip(&before[begun..]).rev() {
            let mut changes = Vec::new();
            fate::of(operation, reply, |fate, key| changes.push((fate, key.clone())));
            for (fate, key) in changes.into_iter().rev() {
                let value = values.get(&key);
                if seen.insert(key.clone())
                    && fate == Fate::Set
                    && let Some(Reply::Value(value)) = value
                {
                    pairs.push((key, value.clone()));
                }
            }
        }
        let mut newest = newest.into_iter();
        while let (Some(key), Some(value)) = (newest.next(), newest.next()) {
            if let (Reply::Value(key), Reply::Value(value)) = (key, value)
                && !seen.contains(&key)
            {
                pairs.push((key, value));
            }
        }
        pairs.truncate(wanted);
        pairs.reverse();
        Ok(Reply::Pairs(pairs))
    }
}

/// The number of the newest keys that `LAST` may have to look at.
fn wanted(operation: &Operation) -> usize {
    count(operation).unwrap_or(1).saturating_add(SLACK)
}

/// The position after the last FLUSHDB before `position`; 0 if there is none.
fn cleared(batch: &[Operation], position: usize) -> usize {
    let is_clear = |operation: &Operation| operation.own() == Own::Clear;
    batch[..position].iter().rposition(is_clear).map_or(0, |last| last + 1)
}

/// Keys that the operations before `position` may have set: the newest, each once, as many as
/// `LAST` may show.
fn written(batch: &[Operation], position: usize) -> Vec<&Bytes> {
    let most = wanted(&batch[position]);
    let mut seen = HashSet::new();
    let stores = |operation: &&Operation| operation.effect() == Effect::Store;
    let before = batch[cleared(batch, position)..position].iter().rev().filter(stores);
    let keys = before.flat_map(Operation::keys).filter(|key| !operation::is_reserved(key));
    keys.filter(|key| seen.insert(*key)).take(most).collect()
}
