//! One server: the connection that all share, and those that one client has for itself.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::link::Link;
use super::pool::{Pins, Pool};
use super::target::Target;

/// A server, connected to as long as this lives.
#[derive(Debug)]
pub(crate) struct Node {
    /// What all share.
    pub(crate) link: Arc<Link>,
    /// What one client has for itself.
    pub(crate) pool: Arc<Pool>,
    /// Keeps the link.
    linking: AbortHandle,
}

impl Node {
    /// Begins to connect and returns at once. `name` is the server's, for the log; `pins` bounds the
    /// pinned connections; `tell` is called whenever the connection is up, or is no longer, which it says.
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
