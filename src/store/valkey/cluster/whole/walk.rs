//! Operations on the whole of the cluster: all servers that have slots are asked.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::memory::ReplyRoom;
use crate::message::{Args, ErrorReply, Reply};
use crate::store::operation::{Operation, Verb};
use crate::store::valkey::RETRY_WAIT;
use crate::store::valkey::cluster::route::batch::Route;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::connect::access::Way;
use crate::store::valkey::connect::limits::{Terms, is_late};
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::last::read;
use crate::store::valkey::single::compound::count;
use crate::store::valkey::single::scan::Scan;
use crate::store::valkey::single::{random, save, scan};
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::Lost;

/// What these operations work on.
pub(crate) struct Whole<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) prefix: &'a Prefix,
    pub(crate) index: &'a Index,
    pub(crate) terms: &'a Terms,
    /// Bounds the wait for servers.
    pub(crate) deadline: Option<Instant>,
}

/// Every server that has slots, and the connection to it.
pub(crate) type All = Vec<(Arc<Member>, Arc<Connection>)>;

impl Whole<'_> {
    /// Carries out one operation; none when there is no room for its reply, and nothing was done.
    pub(crate) async fn execute(
        &self,
        operation: &Operation,
        hold: &mut ReplyRoom,
    ) -> Option<Reply> {
        match operation.verb {
            Verb::Clear if self.prefix.is_empty() => Some(self.clear_all(operation).await),
            Verb::Clear => Some(self.clear().await),
            Verb::Save => Some(self.save().await),
            Verb::Ping | Verb::BgSave | Verb::LastSave | Verb::Script => {
                Some(self.everywhere(operation).await)
            }
            _ => self.read(operation, hold).await,
        }
    }

    /// Reads, and begins again when a server is lost.
    async fn read(&self, operation: &Operation, hold: &mut ReplyRoom) -> Option<Reply> {
        loop {
            let all = match self.all().await {
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
        all: &All,
        operation: &Operation,
        hold: &mut ReplyRoom,
    ) -> Result<Reply, Fault> {
        let max_reply = self.terms.max_reply;
        match operation.verb {
            Verb::Scan => super::cursor::step(all, self.prefix, operation).await,
            Verb::Last => {
                let count = count(operation)?;
                let written = self.index.write(self.topology, self.deadline).await;
                written.map_err(|cause| Fault::Lost(Lost { cause, is_unsent: true }))?;
                let place = (self.prefix, self.index);
                read::last(self.topology, place, count, max_reply, hold).await
            }
            Verb::RandomKey => self.random_key(all).await,
            Verb::Size => self.size(all).await.map(Reply::Integer),
            _ => {
                let pattern = operation.args.first().map_or(&b"*"[..], AsRef::as_ref);
                let connections: Vec<_> = all.iter().map(|(_, it)| Arc::clone(it)).collect();
                scan::keys(&connections, self.prefix, pattern, max_reply, hold).await
            }
        }
    }

    /// The number of keys; those that kvsock keeps for itself are left out.
    async fn size(&self, all: &All) -> Result<i64, Fault> {
        if !self.prefix.is_empty() || self.terms.has_parts {
            let counts = all.iter().map(|(_, connection)| scan::count(connection, self.prefix));
            return join_all(counts).await.into_iter().sum();
        }
        let exists = |commands: &mut Commands| commands.push(&[b"EXISTS", self.index.name()]);
        let mut own = self.topology.ask(self.index.name(), Form::Integer, exists).await?;
        let own = reply::integer(own.pop().unwrap_or(Reply::Nil))?;
        Ok(sizes(all).await?.into_iter().sum::<i64>() - own)
    }

    /// Some key: of a server chosen by how many it has, or else of one of the others.
    async fn random_key(&self, all: &All) -> Result<Reply, Fault> {
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

    /// Removes all keys of all servers.
    async fn clear_all(&self, operation: &Operation) -> Reply {
        let _paused = self.index.pause().await;
        let reply = self.everywhere(operation).await;
        if reply == Reply::OK {
            // What is noted by now was set before the last server cleared, as far as anybody saw.
            let mut recent = self.index.recent();
            let stamp = recent.stamp();
            recent.clear(stamp);
        }
        reply
    }

    /// Removes what is under the prefix.
    async fn clear(&self) -> Reply {
        let _paused = self.index.pause().await;
        let stamp = self.index.recent().stamp();
        let mut begun = false;
        loop {
            let all = match self.all().await {
                Ok(all) => all,
                Err(_) if begun => return Reply::Error(ErrorReply::OutcomeUnknown("FLUSHDB")),
                Err(cause) => return reply::unavailable(cause),
            };
            match self.clear_on(&all, &mut begun).await {
                Ok(()) => {
                    self.index.recent().clear(stamp);
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

    async fn clear_on(&self, all: &All, begun: &mut bool) -> Result<(), Fault> {
        let none = Prefix::none();
        for (_, connection) in all {
            let mut walk = Scan::new(self.prefix.glob(b"*"));
            while let Some(stored) = walk.step(connection).await? {
                if stored.is_empty() {
                    continue;
                }
                *begun = true;
                let args = stored.into_iter().collect::<Args>();
                let batch = [Operation { verb: Verb::Unlink, args }];
                let route = Route::of_stored_keys(self.topology, &none, &batch);
                let mut replies = route.finish(self.deadline, &mut ReplyRoom::unlimited()).await;
                reply::integer(replies.pop().unwrap_or(Reply::Nil))?;
            }
        }
        Ok(())
    }

    /// Saves on all servers at the same time.
    async fn save(&self) -> Reply {
        let all = match self.all().await {
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

    /// All servers that have slots, as soon as all slots are served.
    ///
    /// # Errors
    ///
    /// Why they are not.
    pub(crate) async fn all(&self) -> Result<All, Cow<'static, str>> {
        let mut maps = self.topology.maps();
        loop {
            let map = Arc::clone(&maps.borrow_and_update());
            if map.own_fault().is_none() {
                let live = map.masters().iter().map(|member| {
                    member.node.link.live().map(|connection| (Arc::clone(member), connection))
                });
                if let Some(all) = live.collect::<Option<All>>() {
                    return Ok(all);
                }
            }
            self.topology.want();
            let came = match self.deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, maps.changed()).await.is_ok(),
                None => maps.changed().await.is_ok(),
            };
            if !came {
                return Err(map.fault().unwrap_or("a server is away".into()));
            }
        }
    }

    /// Lets a moment pass before all are asked again.
    pub(crate) async fn pause(&self) {
        self.topology.want();
        tokio::time::sleep(RETRY_WAIT).await;
    }
}

/// How many keys each server has.
async fn sizes(all: &All) -> Result<Vec<i64>, Fault> {
    let sizes = all.iter().map(|(_, connection)| async {
        reply::integer(connection.send_one(Form::Integer, &[b"DBSIZE"]).await?)
    });
    join_all(sizes).await.into_iter().collect()
}
