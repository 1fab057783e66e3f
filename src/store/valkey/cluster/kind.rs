//! Decides how each operation is carried out on a cluster.

use crate::store::operation::{Keys, Operation, Verb};

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
    /// The kind of `operation`, as far as its verb and arguments tell.
    pub(super) fn of(operation: &Operation) -> Kind {
        match operation.verb.keys() {
            _ if is_script(operation) => Kind::Script,
            Keys::None => Kind::Whole,
            _ if operation.is_expensive() => Kind::Expensive,
            _ => Kind::Keyed,
        }
    }
}

/// Whether the operation takes a pinned connection.
fn is_script(operation: &Operation) -> bool {
    matches!(operation.verb, Verb::Eval | Verb::EvalSha | Verb::Lcs)
}
