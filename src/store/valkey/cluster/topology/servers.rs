//! All nodes that own slots, for operations on the whole cluster.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::keeper::Topology;
use super::member::Member;
use crate::store::valkey::wire::connection::Connection;

/// Every node that owns slots, and its shared connection.
pub(crate) type Servers = Vec<(Arc<Member>, Arc<Connection>)>;

impl Topology {
    /// All nodes that own slots, as soon as all slots are served and all nodes are connected. Waits
    /// until `deadline`, or without limit.
    ///
    /// # Errors
    ///
    /// Why they are not.
    pub(crate) async fn servers(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Servers, Cow<'static, str>> {
        let mut maps = self.maps();
        loop {
            let map = Arc::clone(&maps.borrow_and_update());
            if map.own_fault().is_none() {
                let live = map.masters().iter().map(|member| {
                    member.node.link.live().map(|connection| (Arc::clone(member), connection))
                });
                if let Some(all) = live.collect::<Option<Servers>>() {
                    return Ok(all);
                }
            }
            self.want();
            let came = match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, maps.changed()).await.is_ok(),
                None => maps.changed().await.is_ok(),
            };
            if !came {
                return Err(map.fault().unwrap_or("a server is away".into()));
            }
        }
    }
}
