//! Decides how each operation is carried out on a cluster.

use crate::command::table::spec::Lane;
use crate::store::operation::Operation;

/// How an operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On the nodes that own the slots of its keys.
    Keyed,
    /// As [`Kind::Keyed`], after a check that the value does not become too long.
    Append,
    /// As [`Kind::Keyed`], a few at a time.
    Expensive,
    /// On a pinned connection to the node that owns the slot.
    Script,
    /// On all nodes.
    Whole,
}

impl Kind {
    /// The kind of `operation`, as far as its row and arguments tell.
    pub(super) fn of(operation: &Operation) -> Kind {
        if operation.spec().places.is_empty() {
            Kind::Whole
        } else if operation.spec().lane == Lane::Pinned {
            Kind::Script
        } else if operation.is_expensive() {
            Kind::Expensive
        } else {
            Kind::Keyed
        }
    }
}
