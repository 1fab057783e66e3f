//! `Last`: reads the index, newest first, and the values of the keys it names, until enough are
//! found that still exist.

use std::collections::HashSet;

use bytes::Bytes;

use super::index::Index;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::valkey::connect::access::Way;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::wire::command::Form;

/// Values in the first command, when nothing is known of their size.
const FIRST_CHUNK: usize = 16;

/// Values in one command at most.
const LARGEST_CHUNK: usize = 256;

/// Bytes that the values of one command should hold together.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The `count` most recently set pairs that exist, the newest last.
pub(crate) async fn last(
    way: &impl Way,
    (prefix, index): (&Prefix, &Index),
    count: usize,
    max_reply: usize,
    hold: &mut ReplyRoom,
) -> Result<Reply, Fault> {
    let mut search = Search { wanted: count, bytes: 0, pairs: Vec::new(), seen: HashSet::new() };
    let mut rank = 0;
    while rank < index.depth() && search.pairs.len() < count {
        let before = search.bytes;
        let chunk = search.chunk().min(index.depth() - rank);
        let keys = newest(way, index, rank, chunk).await?;
        rank += chunk;
        let at_end = keys.len() < chunk;
        // Keys set meanwhile push the others down: some come twice, none is passed over.
        let keys: Vec<Bytes> =
            keys.into_iter().filter(|key| search.seen.insert(key.clone())).collect();
        if !keys.is_empty() {
            let stored: Vec<Vec<u8>> = keys.iter().map(|key| prefix.stored(key)).collect();
            let values = way.values(&stored).await?;
            search.take(index, keys, values);
        }
        if !hold.grow(search.bytes - before) {
            return Err(Fault::NoRoom);
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
    fn take(&mut self, index: &Index, keys: Vec<Bytes>, values: Vec<Reply>) {
        let mut gone = Vec::new();
        for (key, value) in keys.into_iter().zip(values) {
            match value {
                Reply::Value(value) => {
                    self.bytes += 16 + key.len() + value.len();
                    self.pairs.push((key, value));
                }
                _ => gone.push(key),
            }
        }
        index.strike(&gone);
    }
}

async fn newest(
    way: &impl Way,
    index: &Index,
    rank: usize,
    count: usize,
) -> Result<Vec<Bytes>, Fault> {
    let (first, last) = (rank.to_string(), (rank + count - 1).to_string());
    let words = [b"ZREVRANGE", index.name(), first.as_bytes(), last.as_bytes()];
    let asked = way.ask(index.name(), Form::Array, |commands| commands.push(&words));
    let mut replies = asked.await?;
    let keys = reply::array(replies.pop().unwrap_or(Reply::Nil))?;
    keys.into_iter().map(reply::key).collect()
}
