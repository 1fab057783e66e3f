//! Operations on the whole cluster: every node that owns slots is asked.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::command::table::of_store;
use crate::command::table::row::Command;
use crate::command::table::spec;
use crate::command::table::spec::Own;
use crate::memory::ReplyRoom;
use crate::message::{Args, ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cluster::route::batch::Route;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::cluster::topology::servers::Servers;
use crate::store::valkey::connect::limits::{Limits, RETRY_WAIT, is_late};
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::last::access::Access;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::last::read;
use crate::store::valkey::single::compound::count;
use crate::store::valkey::single::scan::Scan;
use crate::store::valkey::single::{random, save, scan};
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::exchange::Lost;

const UNLINK: &Command = of_store("UNLINK");

/// The context of an operation.
pub(crate) struct Whole<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) prefix: &'a Prefix,
    pub(crate) index: &'a Index,
    pub(crate) limits: &'a Limits,
    /// Bounds the wait for nodes.
    pub(crate) deadline: Option<Instant>,
}

impl Whole<'_> {
    /// Carries out one operation. `None` if the reply finds no room; then nothing was done.
    pub(crate) async fn execute(
        &self,
        operation: &Operation,
        hold: &mut ReplyRoom,
    ) -> Option<Reply> {
        match operation.own() {
            Own::Clear if self.prefix.is_empty() => Some(self.clear_all(operation).await),
            Own::Clear => Some(self.clear().await),
            Own::Save => Some(self.save().await),
            _ if matches!(operation.spec().route, spec::Route::All(_)) => {
                Some(self.everywhere(operation).await)
            }
            _ => self.read(operation, hold).await,
        }
    }

    /// Carries out a read. Begins again when a node is lost.
    async fn read(&self, operation: &Operation, hold: &mut ReplyRoom) -> Option<Reply> {
        loop {
            let all = match self.topology.servers(self.deadline).await {
                Ok(all) => all,
                Err(cause) => return Some(reply::unavailable(cause)),
            };
            let mut part = hold.take();
            match self.read_on(&all, operation, &mut part).await {
                Ok(reply) => {
                    hold.join(part);
                    return Some(reply);
                }
                Err(Fault::NoRoom) => return None,
                Err(Fault::Refused(reply)) => return Some(reply),
                Err(Fault::Lost(lost)) if is_late(self.deadline) => {
                    return Some(reply::unavailable(lost.cause));
                }
                Err(Fault::Lost(_)) => self.pause().await,
            }
        }
    }

    async fn read_on(
        &self,
        all: &Servers,
        operation: &Operation,
        hold: &mut ReplyRoom,
    ) -> Result<Reply, Fault> {
        let max_reply = self.limits.max_reply;
        match operation.own() {
            Own::Scan => super::cursor::step(all, self.prefix, operation).await,
            Own::Last => {
                let count = count(operation)?;
                let written = self.index.write(self.topology, self.deadline).await;
                written.map_err(|cause| Fault::Lost(Lost { cause, is_unsent: true }))?;
                let place = (self.prefix, self.index);
                read::last(self.topology, place, count, max_reply, hold).await
            }
            Own::RandomKey => self.random_key(all).await,
            Own::Size => self.size(all).await.map(Reply::Integer),
            _ => {
                let pattern = operation.args.first().map_or(&b"*"[..], AsRef::as_ref);
                let connections: Vec<_> = all.iter().map(|(_, it)| Arc::clone(it)).collect();
                scan::keys(&connections, self.prefix, pattern, max_reply, hold).await
            }
        }
    }

    /// The number of keys, without kvsock's own.
    async fn size(&self, all: &Servers) -> Result<i64, Fault> {
        if !self.prefix.is_empty() || self.limits.has_parts {
            let counts = all.iter().map(|(_, connection)| scan::count(connection, self.prefix));
            return join_all(counts).await.into_iter().sum();
        }
        let exists = |commands: &mut Commands| commands.push(&[b"EXISTS", self.index.name()]);
        let mut own = self.topology.ask(self.index.name(), Form::Integer, exists).await?;
        let own = reply::integer(own.pop().unwrap_or(Reply::Nil))?;
        Ok(sizes(all).await?.into_iter().sum::<i64>() - own)
    }

    /// A random key. The node is chosen by its number of keys. If it has none to give, another node
    /// is.
    async fn random_key(&self, all: &Servers) -> Result<Reply, Fault> {
        let mut sized: Vec<_> = sizes(all).await?.into_iter().zip(all).collect();
        while !sized.is_empty() {
            let total: i64 = sized.iter().map(|(size, _)| size).sum();
            let mut point = if total > 0 { rand::random_range(0..total) } else { 0 };
            let chosen = sized.iter().position(|(size, _)| {
                point -= size;
                point < 0
            });
            let (_, (_, connection)) = sized.swap_remove(chosen.unwrap_or(0));
            match random::random_key(connection, self.prefix).await? {
                Reply::Nil => {}
                key => return Ok(key),
            }
        }
        Ok(Reply::Nil)
    }

    /// Removes all keys of all nodes.
    async fn clear_all(&self, operation: &Operation) -> Reply {
        let _paused = self.index.pause().await;
        let reply = self.everywhere(operation).await;
        if reply == Reply::OK {
            // Changes noted by now precede the FLUSHDB on the last node, as far as any client can
            // tell.
            let mut pending = self.index.pending();
            let stamp = pending.stamp();
            pending.clear(stamp);
        }
        reply
    }

    /// Removes all keys under the prefix.
    async fn clear(&self) -> Reply {
        let _paused = self.index.pause().await;
        let stamp = self.index.pending().stamp();
        let mut begun = false;
        loop {
            let all = match self.topology.servers(self.deadline).await {
                Ok(all) => all,
                Err(_) if begun => return Reply::Error(ErrorReply::OutcomeUnknown("FLUSHDB")),
                Err(cause) => return reply::unavailable(cause),
            };
            match self.clear_on(&all, &mut begun).await {
                Ok(()) => {
                    self.index.pending().clear(stamp);
                    return Reply::OK;
                }
                Err(Fault::Lost(lost)) if !begun => {
                    if is_late(self.deadline) {
                        return reply::unavailable(lost.cause);
                    }
                    self.pause().await;
                }
                Err(Fault::Refused(reply)) => return reply,
                Err(_) => return Reply::Error(ErrorReply::OutcomeUnknown("FLUSHDB")),
            }
        }
    }

    async fn clear_on(&self, all: &Servers, begun: &mut bool) -> Result<(), Fault> {
        let none = Prefix::none();
        for (_, connection) in all {
            let mut walk = Scan::new(self.prefix.glob(b"*"));
            while let Some(stored) = walk.step(connection).await? {
                if stored.is_empty() {
                    continue;
                }
                *begun = true;
                let args = stored.into_iter().collect::<Args>();
                let batch = [Operation { command: UNLINK, args }];
                let route = Route::of_stored_keys(self.topology, &none, &batch);
                let mut replies = route.finish(self.deadline, &mut ReplyRoom::unlimited()).await;
                reply::integer(replies.pop().unwrap_or(Reply::Nil))?;
            }
        }
        Ok(())
    }

    /// Saves on all nodes at the same time.
    async fn save(&self) -> Reply {
        let all = match self.topology.servers(self.deadline).await {
            Ok(all) => all,
            Err(cause) => return reply::unavailable(cause),
        };
        let saving = all.iter().map(|(_, connection)| async {
            let mut begun = false;
            match save::save(connection, &mut begun).await {
                Ok(reply) | Err(Fault::Refused(reply)) => reply,
                Err(Fault::NoRoom) => reply::unexpected(),
                Err(Fault::Lost(lost)) => save::interrupted(lost, begun),
            }
        });
        let replies = join_all(saving).await;
        replies.into_iter().find(|reply| *reply != Reply::OK).unwrap_or(Reply::OK)
    }

    /// Waits for a moment before the next attempt.
    pub(crate) async fn pause(&self) {
        self.topology.want();
        tokio::time::sleep(RETRY_WAIT).await;
    }
}

/// The number of keys on each node.
async fn sizes(all: &Servers) -> Result<Vec<i64>, Fault> {
    let sizes = all.iter().map(|(_, connection)| async {
        reply::integer(connection.send_one(Form::Integer, &[b"DBSIZE"]).await?)
    });
    join_all(sizes).await.into_iter().collect()
}
