//! SCAN over all nodes, one after the other. A cursor holds a node's number and the node's own
//! cursor. The number follows from the node's address, so that a cursor stays valid over a restart
//! of the daemon. A node's own cursor is only valid on that node: if the node is gone, the cursor
//! is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use crc16::{State, XMODEM};

use crate::message::Reply;
use crate::store::operation::Operation;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::cluster::topology::servers::Servers;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;

/// Bits of a node's own cursor. In a cluster it consists of a slot and a place in the slot's table.
const OWN_BITS: u32 = 48;

/// The number of possible node numbers. All cursors are positive as signed 64-bit integers.
const NUMBERS: u64 = (1 << (63 - OWN_BITS)) - 1;

/// One step, on one node.
pub(crate) async fn step(
    all: &Servers,
    prefix: &Prefix,
    operation: &Operation,
) -> Result<Reply, Fault> {
    let refused = |text: &'static str| Fault::Refused(Reply::failed(text));
    let cursor = operation.args.first().and_then(|text| parse(text));
    let cursor = cursor.ok_or_else(|| refused("invalid cursor"))?;
    let servers = numbered(all);
    let (number, own) = match cursor {
        0 => (servers.keys().next().copied().unwrap_or(0), 0),
        cursor => ((cursor >> OWN_BITS).wrapping_sub(1), cursor & ((1 << OWN_BITS) - 1)),
    };
    let connection = *servers.get(&number).ok_or_else(|| {
        refused("the server of this cursor is gone from the cluster, begin again with 0")
    })?;
    let mut asked = operation.clone();
    asked.args[0] = own.to_string().into();
    let mut commands = Commands::default();
    prefix.write(&asked, &mut commands);
    let reply = connection.send(commands).await?.pop().unwrap_or(Reply::Nil);
    let reply = reply::of(prefix, operation, reply::granted(reply)?, usize::MAX);
    let Reply::Array(mut parts) = reply else { return Ok(reply) };
    if let Some(Reply::Value(told)) = parts.first_mut() {
        let own = parse(told).filter(|own| own >> OWN_BITS == 0);
        let next = match own.ok_or_else(|| Fault::Refused(reply::unexpected()))? {
            0 => servers.range(number + 1..).next().map(|(number, _)| (*number, 0)),
            own => Some((number, own)),
        };
        let next = next.map_or(0, |(number, own)| ((number + 1) << OWN_BITS) | own);
        *told = Bytes::from(next.to_string());
    }
    Ok(Reply::Array(parts))
}

/// Parses a cursor, as strictly as Valkey does.
fn parse(cursor: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(cursor).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The connections by node number.
fn numbered(all: &Servers) -> BTreeMap<u64, &Arc<Connection>> {
    let mut sorted: Vec<(String, &Arc<Connection>)> =
        all.iter().map(|(member, connection)| (name(member), connection)).collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    let mut servers = BTreeMap::new();
    for (name, connection) in sorted {
        let mut number = u64::from(State::<XMODEM>::calculate(name.as_bytes())) % NUMBERS;
        // Nodes whose numbers collide get adjacent ones.
        while servers.contains_key(&number) {
            number = (number + 1) % NUMBERS;
        }
        servers.insert(number, connection);
    }
    servers
}

fn name(member: &Member) -> String {
    member.address.to_string()
}
