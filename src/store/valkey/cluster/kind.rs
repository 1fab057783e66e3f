//! How each operation is carried out on a cluster.

use crate::store::operation::{Keys, Operation, Verb};

/// How an operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where its keys are.
    Keyed,
    /// The same, once it is known that the value does not become too long.
    Append,
    /// The same, few at a time.
    Expensive,
    /// There, on a connection of its own.
    Script,
    /// On all servers.
    Whole,
}

impl Kind {
    /// The kind of `operation`, as far as its arguments tell.
    pub(super) fn of(operation: &Operation) -> Kind {
        match operation.verb.keys() {
            _ if is_script(operation) => Kind::Script,
            Keys::None => Kind::Whole,
            _ if operation.is_expensive() => Kind::Expensive,
            _ => Kind::Keyed,
        }
    }
}

/// Whether an operation has a connection of its own.
fn is_script(operation: &Operation) -> bool {
    matches!(operation.verb, Verb::Eval | Verb::EvalSha | Verb::Lcs)
}
