//! All servers of the cluster that own slots, for operations on the whole of it.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::keeper::Topology;
use super::member::Member;
use crate::store::valkey::wire::connection::Connection;

/// Every server that has slots, and the connection to it.
pub(crate) type Servers = Vec<(Arc<Member>, Arc<Connection>)>;

impl Topology {
    /// All servers that have slots, as soon as all slots are served.
    ///
    /// # Errors
    ///
    /// Why they are not, after `deadline`; without one the wait has no end.
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
