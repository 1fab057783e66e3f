//! A node of the cluster.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use super::address::Address;
use crate::store::valkey::connect::node::Node;

/// A node that owns slots, or that slots are being moved to.
#[derive(Debug)]
pub(crate) struct Member {
    /// The node's address.
    pub(crate) address: Address,
    /// The connections to the node.
    pub(crate) node: Node,
    /// The node was used since the last renewal of the map, though it may own no slots yet.
    pub(crate) is_needed: AtomicBool,
}

impl Member {
    /// The cause, if the node cannot be reached.
    pub(crate) fn away(&self) -> Cow<'static, str> {
        let cause = self.node.link.down().unwrap_or("connection lost".into());
        format!("{}: {cause}", self.address).into()
    }
}
