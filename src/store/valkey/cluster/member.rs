//! A server of the cluster.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use super::address::Address;
use crate::store::valkey::node::Node;

/// A server that has slots, or gets some.
#[derive(Debug)]
pub(super) struct Member {
    /// Where it is.
    pub(super) address: Address,
    /// The connections to it.
    pub(super) node: Node,
    /// It was asked since the map was last renewed, though it may have no slots yet.
    pub(super) is_needed: AtomicBool,
}

impl Member {
    /// Why it cannot be asked, when it cannot.
    pub(super) fn away(&self) -> Cow<'static, str> {
        let cause = self.node.link.down().unwrap_or("connection lost".into());
        format!("{}: {cause}", self.address).into()
    }
}
