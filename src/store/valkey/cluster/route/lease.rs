//! Connections to the node that owns a slot: the shared one, or a pinned one.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::redirect::Redirect;
use crate::account::Account;
use crate::message::ErrorReply;
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::connect::pool::Lease;
use crate::store::valkey::wire::connection::Connection;

/// The slot of an operation, and the node to send the operation to.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    /// The node to ask once, right after ASKING, instead of the slot's owner.
    pub(crate) detour: Option<Arc<Member>>,
}

impl Topology {
    /// The node and its shared connection. Waits for them until `deadline`, or without limit.
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

    /// A pinned connection to the node, for a client of `account`.
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

    /// Waits until `member` no longer owns the slot.
    async fn left(&self, place: &Place, member: &Arc<Member>) {
        if place.detour.is_some() {
            return std::future::pending().await;
        }
        let is_left = |map: &Arc<crate::store::valkey::cluster::topology::map::Map>| {
            !map.owner(place.slot).is_some_and(|owner| Arc::ptr_eq(owner, member))
        };
        // The sender lives as long as `self`.
        let _ = self.maps().wait_for(is_left).await;
    }

    /// Follows a redirection. False if the next attempt should wait.
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
