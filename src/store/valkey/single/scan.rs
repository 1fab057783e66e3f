//! Walks over all keys under the prefix: `Keys`, `Size` and `Clear`. They use SCAN, in bounded
//! memory, on one connection, since a cursor is only valid on its server.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::memory::ReplyRoom;
use crate::message::{Reply, refusal};
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::connection::Connection;

/// COUNT of one step.
const STEP: &[u8] = b"1000";

/// A walk over the keys that match a glob.
pub(crate) struct Scan {
    glob: Vec<u8>,
    /// The cursor of the next step; `None` at the end.
    cursor: Option<Bytes>,
}

impl Scan {
    /// A walk from the beginning.
    pub(crate) fn new(glob: Vec<u8>) -> Scan {
        Scan { glob, cursor: Some(Bytes::from_static(b"0")) }
    }

    /// The stored names of the next step's keys. A step may have no keys, and keys may repeat.
    /// `None` at the end.
    pub(crate) async fn step(
        &mut self,
        connection: &Connection,
    ) -> Result<Option<Vec<Bytes>>, Fault> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let words: [&[u8]; 6] = [b"SCAN", &cursor, b"MATCH", &self.glob, b"COUNT", STEP];
        let parts = reply::array(connection.send_one(Form::Array, &words).await?)?;
        let Ok([Reply::Value(cursor), Reply::Array(keys)]) = <[Reply; 2]>::try_from(parts) else {
            return Err(Fault::Refused(reply::unexpected()));
        };
        self.cursor = (cursor != b"0"[..]).then_some(cursor);
        keys.into_iter().map(reply::key).collect::<Result<_, _>>().map(Some)
    }
}

/// The keys on all `connections` that match `pattern`, each once, sorted by bytes.
pub(crate) async fn keys(
    connections: &[Arc<Connection>],
    prefix: &Prefix,
    pattern: &[u8],
    max_reply: usize,
    hold: &mut ReplyRoom,
) -> Result<Reply, Fault> {
    let mut found: BTreeSet<Bytes> = BTreeSet::new();
    let mut room = max_reply;
    for connection in connections {
        let mut scan = Scan::new(prefix.glob(pattern));
        while let Some(stored) = scan.step(connection).await? {
            for key in stored.iter().filter_map(|key| prefix.public(key)) {
                let size = Reply::Value(key.clone()).data_len() + 8;
                if !found.insert(key) {
                    continue;
                }
                room = room.checked_sub(size).ok_or_else(|| {
                    Fault::Refused(Reply::Error(refusal::too_long(max_reply, "; use SCAN")))
                })?;
                // The set's nodes take about as much memory as the keys.
                if !hold.grow(2 * size) {
                    return Err(Fault::NoRoom);
                }
            }
        }
    }
    Ok(Reply::List(found.into_iter().map(Some).collect()))
}

/// The number of keys under the prefix. If `index` is kvsock's only key, the server counts.
pub(crate) async fn size(
    connection: &Connection,
    prefix: &Prefix,
    index: Option<&Index>,
) -> Result<Reply, Fault> {
    let Some(index) = index.filter(|_| prefix.is_empty()) else {
        return count(connection, prefix).await.map(Reply::Integer);
    };
    let mut commands = Commands::for_a(Form::Integer, &[b"DBSIZE"]);
    commands.push(&[b"EXISTS", index.name()]);
    let mut counts = connection.send(commands).await?.into_iter();
    let mut count = || reply::integer(counts.next().unwrap_or(Reply::Nil));
    Ok(Reply::Integer(count()? - count()?))
}

/// The number of keys under the prefix, counted by a walk. A key may count twice while the server
/// resizes its table: to remember all keys would take unbounded memory.
pub(crate) async fn count(connection: &Connection, prefix: &Prefix) -> Result<i64, Fault> {
    let mut scan = Scan::new(prefix.glob(b"*"));
    let mut count = 0;
    while let Some(stored) = scan.step(connection).await? {
        count += stored.iter().filter_map(|key| prefix.public(key)).count();
    }
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Removes every key under the prefix, including the index of `last`, step by step. Sets `begun`
/// before the first removal.
pub(crate) async fn clear(
    connection: &Connection,
    prefix: &Prefix,
    begun: &mut bool,
) -> Result<(), Fault> {
    let mut scan = Scan::new(prefix.glob(b"*"));
    while let Some(stored) = scan.step(connection).await? {
        if stored.is_empty() {
            continue;
        }
        let words = [&b"UNLINK"[..]].into_iter().chain(stored.iter().map(AsRef::as_ref));
        *begun = true;
        reply::integer(connection.send_one(Form::Integer, &words.collect::<Vec<_>>()).await?)?;
    }
    Ok(())
}
