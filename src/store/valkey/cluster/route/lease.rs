//! The ways to the server that keeps a slot: for who waits for it, for who needs a connection of
//! its own, and for the index of `last`.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::batch::Route;
use super::part::MOST_HOPS;
use super::redirect::Redirect;
use super::slot::Slot;
use crate::account::Account;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Operation, Verb};
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::connect::access::Way;
use crate::store::valkey::connect::pool::Lease;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::Lost;

/// Where something of one slot is to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    /// Who is to be asked, right after ASKING, in the place of who serves the slot.
    pub(crate) detour: Option<Arc<Member>>,
}

impl Topology {
    /// The server to be asked, and the connection to it, as soon as there is one; waits until
    /// `deadline`, or without end.
    ///
    /// # Errors
    ///
    /// Why there is none. Nothing was sent.
    pub(crate) async fn reach(
        &self,
        place: &Place,
        deadline: Option<Instant>,
    ) -> Result<(Arc<Member>, Arc<Connection>), Cow<'static, str>> {
        let mut maps = self.maps();
        loop {
            let map = Arc::clone(&maps.borrow_and_update());
            let member = place.detour.as_ref().or_else(|| map.owner(place.slot));
            if let Some(member) = member
                && let Some(connection) = member.node.link.live()
            {
                return Ok((Arc::clone(member), connection));
            }
            self.want();
            let came = match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, maps.changed()).await.is_ok(),
                None => maps.changed().await.is_ok(),
            };
            if !came {
                return Err(match member {
                    Some(member) => member.away(),
                    None => map.fault().unwrap_or("nobody serves the slot".into()),
                });
            }
        }
    }

    /// A connection to that server for one client of `account` alone.
    ///
    /// # Errors
    ///
    /// Why there is none. Nothing was sent.
    pub(crate) async fn lease(
        &self,
        place: &Place,
        account: &Arc<Account>,
        deadline: Option<Instant>,
    ) -> Result<(Arc<Member>, Lease), ErrorReply> {
        loop {
            let reached = self.reach(place, deadline).await;
            let (member, _) = reached.map_err(ErrorReply::Unavailable)?;
            tokio::select! {
                lease = member.node.pool.take(&member.node.link, account, deadline) => {
                    return lease.map(|lease| (member, lease));
                }
                () = self.left(place, &member) => {}
            }
        }
    }

    /// Waits until the slot is no longer to be asked for at `member`.
    async fn left(&self, place: &Place, member: &Arc<Member>) {
        if place.detour.is_some() {
            return std::future::pending().await;
        }
        let is_left = |map: &Arc<crate::store::valkey::cluster::topology::map::Map>| {
            !map.owner(place.slot).is_some_and(|owner| Arc::ptr_eq(owner, member))
        };
        // The sender is this topology's own.
        let _ = self.maps().wait_for(is_left).await;
    }

    /// Learns where to ask next; false if it is to be later.
    pub(crate) fn follow(&self, place: &mut Place, redirect: Redirect) -> bool {
        place.detour = None;
        match redirect {
            Redirect::Moved(slot, address) => self.moved(slot, &address),
            Redirect::Ask(address) => place.detour = Some(self.asked(&address)),
            Redirect::Later => {
                self.want();
                return false;
            }
        }
        true
    }
}

impl Way for Topology {
    async fn ready(&self, key: &[u8], deadline: Option<Instant>) -> Result<(), Cow<'static, str>> {
        self.reach(&Place { slot: Slot::of(key), detour: None }, deadline).await.map(drop)
    }

    async fn ask(
        &self,
        key: &[u8],
        form: Form,
        append: impl Fn(&mut Commands) + Send,
    ) -> Result<Vec<Reply>, Lost> {
        let mut place = Place { slot: Slot::of(key), detour: None };
        let unsent = |cause| Lost { cause, is_unsent: true };
        for _ in 0..MOST_HOPS {
            let (member, connection) =
                self.reach(&place, Some(Instant::now())).await.map_err(unsent)?;
            let mut commands = Commands::default();
            if place.detour.is_some() {
                // Within a transaction ASKING is for all of it.
                commands.push(&[b"ASKING"]);
                commands.push(&[b"MULTI"]);
            } else {
                commands.answered_by(form);
            }
            append(&mut commands);
            if place.detour.is_some() {
                commands.push(&[b"EXEC"]);
            }
            let mut replies = connection.send(commands).await?;
            let redirect = replies.iter().find_map(|reply| Redirect::of(reply, &member.address));
            match redirect {
                Some((redirect, cause)) => {
                    if !self.follow(&mut place, redirect) {
                        return Err(unsent(cause));
                    }
                }
                None if place.detour.is_none() => return Ok(replies),
                None => {
                    return match replies.pop() {
                        Some(Reply::Array(replies)) => Ok(replies),
                        other => Ok(other.into_iter().collect()),
                    };
                }
            }
        }
        Err(unsent("the servers do not agree who keeps the index of last".into()))
    }

    async fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Reply>, Fault> {
        let args = keys.iter().map(|key| key.clone().into()).collect();
        let (batch, none) = ([Operation { verb: Verb::MGet, args }], Prefix::none());
        let route = Route::of_stored_keys(self, &none, &batch);
        let now = Some(Instant::now());
        match route.finish(now, &mut ReplyRoom::unlimited()).await.pop() {
            Some(Reply::List(values)) => {
                let reply = |value: Option<_>| value.map_or(Reply::Nil, Reply::Value);
                Ok(values.into_iter().map(reply).collect())
            }
            Some(Reply::Error(ErrorReply::Unavailable(cause))) => {
                Err(Fault::Lost(Lost { cause, is_unsent: true }))
            }
            reply => Err(Fault::Refused(reply.unwrap_or_else(reply::unexpected))),
        }
    }
}
