//! `RandomKey`: a random key under the prefix, never the index of `last`.

use super::scan::Scan;
use crate::message::Reply;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;

/// RANDOMKEY commands in one round trip.
const TRIES: usize = 16;

/// A random key. If few keys are under the prefix, walks over all of them.
pub(crate) async fn random_key(connection: &Connection, prefix: &Prefix) -> Result<Reply, Fault> {
    let mut commands = Commands::default();
    for _ in 0..TRIES {
        commands.push(&[b"RANDOMKEY"]);
    }
    for reply in connection.send(commands).await? {
        match reply::granted(reply)? {
            Reply::Nil => return Ok(Reply::Nil),
            reply => {
                if let Some(key) = prefix.public(&reply::key(reply)?) {
                    return Ok(Reply::Value(key));
                }
            }
        }
    }
    let mut walk = Scan::new(prefix.glob(b"*"));
    let (mut seen, mut chosen) = (0_u64, None);
    while let Some(stored) = walk.step(connection).await? {
        for key in stored.iter().filter_map(|key| prefix.public(key)) {
            // Reservoir sampling (Vitter, 1985): each key has the same chance.
            seen += 1;
            if rand::random_range(0..seen) == 0 {
                chosen = Some(key);
            }
        }
    }
    Ok(chosen.map_or(Reply::Nil, Reply::Value))
}
