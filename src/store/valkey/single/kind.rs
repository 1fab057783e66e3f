//! Decides how each operation is carried out on one server.

use crate::command::table::spec::Lane;
use crate::store::operation::Operation;

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
    /// The kind of `operation`, as far as its row and arguments tell.
    pub(super) fn of(operation: &Operation) -> Kind {
        if wants_own_connection(operation) {
            Kind::Own
        } else if operation.spec().is_compound() {
            Kind::Compound
        } else if operation.is_expensive() {
            Kind::Expensive
        } else {
            Kind::Plain
        }
    }

    /// Whether neighbours of the kind form one part of a batch.
    pub(super) fn joins(self) -> bool {
        !matches!(self, Kind::Compound | Kind::Append)
    }
}

/// Whether the command must not run on the shared connection: it takes long, or its reply may end
/// the connection.
pub(super) fn wants_own_connection(operation: &Operation) -> bool {
    operation.spec().lane == Lane::Pinned
}
