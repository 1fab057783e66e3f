//! Keys of one slot that one client watches, on a pinned connection to the slot's owner.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::engine::Cluster;
use super::route::lease::Place;
use super::route::redirect::Redirect;
use super::route::split;
use super::slot::Slot;
use super::topology::address::Address;
use super::topology::member::Member;
use crate::account::Account;
use crate::message::{ErrorReply, Reply};
use crate::store::operation;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::connect::pool::Lease;
use crate::store::valkey::keys::reply;
use crate::store::valkey::single::transaction::watch::Watch as OnServer;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::exchange::Lost;

/// Keys that one client watches. They are unwatched when this is dropped.
#[derive(Debug)]
pub struct Watch {
    on: OnServer,
    place: Place,
    member: Arc<Member>,
    /// No key is watched yet. Only the connection is taken.
    is_empty: bool,
}

impl Watch {
    /// Whether the watched keys are in `slot`.
    pub(super) fn is_of(&self, slot: Slot) -> bool {
        self.is_empty || self.place.slot == slot
    }

    /// The connection, if the keys are still watched on it.
    pub(super) fn take(&self) -> Option<Lease> {
        self.on.take()
    }

    /// Whether the slot was moving to that node.
    pub(super) fn is_on_detour(&self) -> bool {
        self.place.detour.is_some()
    }

    /// The node's address.
    pub(super) fn address(&self) -> &Address {
        &self.member.address
    }
}

impl Cluster {
    /// See [`crate::store::Store::watch`].
    pub(crate) async fn watch(
        &self,
        watch: Option<Watch>,
        keys: Vec<Bytes>,
        account: &Arc<Account>,
    ) -> Result<Watch, ErrorReply> {
        if keys.iter().any(|key| operation::is_reserved(key)) {
            return Err(operation::reserved());
        }
        let slot = split::one_slot(&self.prefix, &keys).map_err(error)?;
        match (watch, slot) {
            (Some(watch), None) => Ok(watch),
            (Some(watch), Some(slot)) if !watch.is_empty => self.add(watch, slot, &keys).await,
            (_, slot) => self.begin(slot, &keys, account).await,
        }
    }

    /// Watches keys in addition to those of `watch`.
    async fn add(&self, watch: Watch, slot: Slot, keys: &[Bytes]) -> Result<Watch, ErrorReply> {
        if !watch.is_of(slot) {
            return Err(error(split::cross_slot()));
        }
        // The connection is gone, so the transaction will do nothing, whichever keys are added.
        let Some(lease) = watch.take() else { return Ok(watch) };
        match self.watch_on(&lease, keys, watch.is_on_detour()).await {
            Ok(Reply::Status("OK")) => {
                let Watch { on, place, member, is_empty } = watch;
                let on = OnServer::until(on.end(), lease);
                Ok(Watch { on, place, member, is_empty })
            }
            Ok(told) if Redirect::of(&told, watch.address()).is_none() => Err(error(told)),
            // The slot has moved. The effect is that of a lost connection.
            Ok(_) | Err(_) => Ok(watch),
        }
    }

    async fn begin(
        &self,
        slot: Option<Slot>,
        keys: &[Bytes],
        account: &Arc<Account>,
    ) -> Result<Watch, ErrorReply> {
        let (deadline, topology) = (self.shared.limits.deadline(), &self.shared.topology);
        let mut place = Place { slot: slot.unwrap_or(Slot::ANY), detour: None };
        loop {
            let (member, lease) = topology.lease(&place, account, deadline).await?;
            let told = match slot {
                Some(_) => self.watch_on(&lease, keys, place.detour.is_some()).await,
                None => Ok(Reply::OK),
            };
            let cause = match told {
                Ok(Reply::Status("OK")) => {
                    let on =
                        OnServer::until(Instant::now() + self.shared.limits.watch_limit, lease);
                    return Ok(Watch { on, place, member, is_empty: slot.is_none() });
                }
                Ok(told) => {
                    let Some((redirect, cause)) = Redirect::of(&told, &member.address) else {
                        return Err(error(told));
                    };
                    topology.follow(&mut place, redirect);
                    cause
                }
                Err(lost) => lost.cause,
            };
            if is_late(deadline) {
                return Err(ErrorReply::Unavailable(cause));
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }

    async fn watch_on(
        &self,
        lease: &Lease,
        keys: &[Bytes],
        is_detour: bool,
    ) -> Result<Reply, Lost> {
        let mut commands = Commands::default();
        if is_detour {
            commands.push(&[b"ASKING"]);
        }
        self.prefix.watch(keys, &mut commands);
        let mut replies = lease.send(commands).await?;
        Ok(replies.pop().unwrap_or_else(reply::unexpected))
    }
}

/// The error in a reply.
fn error(reply: Reply) -> ErrorReply {
    match reply {
        Reply::Error(error) => error,
        _ => ErrorReply::Failed("unexpected reply from the store".into()),
    }
}
