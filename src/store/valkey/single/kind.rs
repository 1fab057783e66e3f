//! Decides how each operation is carried out on one server.

use crate::store::operation::{Operation, Verb};

/// How an operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As one command on the shared connection.
    Plain,
    /// As [`Kind::Plain`], after a check that the value does not become too long.
    Append,
    /// As [`Kind::Plain`], a few at a time.
    Expensive,
    /// As one command on a pinned connection.
    Own,
    /// As several commands.
    Compound,
}

impl Kind {
    /// The kind of `operation`, as far as its verb and arguments tell.
    pub(super) fn of(operation: &Operation) -> Kind {
        match operation.verb {
            verb if wants_own_connection(verb) => Kind::Own,
            verb if verb.is_compound() => Kind::Compound,
            _ if operation.is_expensive() => Kind::Expensive,
            _ => Kind::Plain,
        }
    }

    /// Whether neighbours of the kind form one part of a batch.
    pub(super) fn joins(self) -> bool {
        !matches!(self, Kind::Compound | Kind::Append)
    }
}

/// Whether the command must not run on the shared connection: it takes long, or its reply may end
/// the connection.
pub(super) fn wants_own_connection(verb: Verb) -> bool {
    matches!(verb, Verb::Eval | Verb::EvalSha | Verb::Script | Verb::Lcs)
}
