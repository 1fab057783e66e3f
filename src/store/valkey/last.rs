//! `Last`: reads the index, newest first, and the values of the keys it names, until enough are
//! found that still exist.

use std::collections::HashSet;

use bytes::Bytes;
use redis::Value;

use super::connection::Connection;
use super::encode::Prefix;
use super::index::Index;
use super::reply::{self, Fault};
use crate::message::Reply;

/// Values in the first command, when nothing is known of their size.
const FIRST_CHUNK: usize = 16;

/// Values in one command at most.
const LARGEST_CHUNK: usize = 256;

/// Bytes that the values of one command should hold together.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The `count` most recently set pairs that exist, the newest last.
pub(super) async fn last(
    connection: &Connection,
    prefix: &Prefix,
    index: &Index,
    count: usize,
    max_reply: usize,
) -> Result<Reply, Fault> {
    let mut search = Search { wanted: count, bytes: 0, pairs: Vec::new(), seen: HashSet::new() };
    let mut rank = 0;
    while rank < index.depth() && search.pairs.len() < count {
        let chunk = search.chunk().min(index.depth() - rank);
        let keys = newest(connection, index, rank, chunk).await?;
        rank += chunk;
        let at_end = keys.len() < chunk;
        // Keys set meanwhile push the others down: some come twice, none is passed over.
        let keys: Vec<Bytes> =
            keys.into_iter().filter(|key| search.seen.insert(key.clone())).collect();
        if !keys.is_empty() {
            let values = values(connection, prefix, &keys).await?;
            search.take(index, keys, values);
        }
        if search.bytes > max_reply {
            return Err(Fault::Refused(reply::too_long(max_reply)));
        }
        if at_end {
            break;
        }
    }
    search.pairs.reverse();
    Ok(Reply::Pairs(search.pairs))
}

struct Search {
    wanted: usize,
    /// Bytes of data found.
    bytes: usize,
    /// What was found, the newest first.
    pairs: Vec<(Bytes, Bytes)>,
    seen: HashSet<Bytes>,
}

impl Search {
    /// How many to look at next.
    fn chunk(&self) -> usize {
        let missing = self.wanted - self.pairs.len();
        let largest = match self.pairs.len() {
            0 => FIRST_CHUNK,
            found => (CHUNK_BYTES / (self.bytes / found + 1)).clamp(1, LARGEST_CHUNK),
        };
        missing.min(largest)
    }

    /// Takes the keys that have a value, and strikes the others off the index.
    fn take(&mut self, index: &Index, keys: Vec<Bytes>, values: Vec<Value>) {
        for (key, value) in keys.into_iter().zip(values) {
            match value {
                Value::BulkString(value) => {
                    self.bytes += 16 + key.len() + value.len();
                    self.pairs.push((key, Bytes::from(value)));
                }
                _ => index.strike(&key),
            }
        }
    }
}

async fn newest(
    connection: &Connection,
    index: &Index,
    rank: usize,
    count: usize,
) -> Result<Vec<Bytes>, Fault> {
    let mut command = redis::cmd("ZREVRANGE");
    command.arg(index.name()).arg(rank).arg(rank + count - 1);
    let keys = reply::array(connection.ask(command).await?)?;
    keys.into_iter().map(|key| reply::key(key).map(Bytes::from)).collect()
}

async fn values(
    connection: &Connection,
    prefix: &Prefix,
    keys: &[Bytes],
) -> Result<Vec<Value>, Fault> {
    let mut command = redis::cmd("MGET");
    for key in keys {
        prefix.write_key(&mut command, key);
    }
    reply::array(connection.ask(command).await?)
}
