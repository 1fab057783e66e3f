//! Sends operations of one command each to the nodes of a cluster, for [`Guarded`].
//!
//! [`Guarded`]: crate::store::valkey::single::guarded::Guarded

use tokio::time::Instant;

use super::batch::Route;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::operation::Operation;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::single::guarded::Sender;

/// Pipelines to the nodes of a cluster.
pub(crate) struct Routes<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) prefix: &'a Prefix,
    pub(crate) max_reply: usize,
}

impl Sender for Routes<'_> {
    async fn send(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let route = Route::new(self.topology, self.prefix, self.max_reply, batch);
        route.finish(deadline, hold).await
    }
}
