//! A server of the cluster.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use super::address::Address;
use crate::store::valkey::connect::node::Node;

/// A server that has slots, or gets some.
#[derive(Debug)]
pub(crate) struct Member {
    /// Where it is.
    pub(crate) address: Address,
    /// The connections to it.
    pub(crate) node: Node,
    /// It was asked since the map was last renewed, though it may have no slots yet.
    pub(crate) is_needed: AtomicBool,
}

impl Member {
    /// Why it cannot be asked, when it cannot.
    pub(crate) fn away(&self) -> Cow<'static, str> {
        let cause = self.node.link.down().unwrap_or("connection lost".into());
        format!("{}: {cause}", self.address).into()
    }
}
