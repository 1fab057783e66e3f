//! One server: its shared connection and its pinned ones.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::link::Link;
use super::pool::{Pins, Pool};
use super::target::Target;

/// A server, connected to until this is dropped.
#[derive(Debug)]
pub(crate) struct Node {
    /// The shared connection.
    pub(crate) link: Arc<Link>,
    /// The pinned connections.
    pub(crate) pool: Arc<Pool>,
    /// The task that keeps the link.
    linking: AbortHandle,
}

impl Node {
    /// Begins to connect, and returns at once. `name` names the server in the log. `pins` bounds
    /// the pinned connections. `tell` is called with whether the connection is up, at each change.
    pub(crate) fn open(
        target: Arc<dyn Target>,
        name: String,
        pins: Pins,
        tell: impl Fn(bool) + Send + Sync + 'static,
    ) -> Node {
        let pool = Arc::new(Pool::new(Arc::clone(&target), pins));
        let link = Arc::new(Link::new());
        let linking = tokio::spawn({
            let link = Arc::clone(&link);
            async move { tokio::join!(link.watch(tell), link.keep(&*target, name), target.listen()) }
        });
        Node { link, pool, linking: linking.abort_handle() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.linking.abort();
    }
}
