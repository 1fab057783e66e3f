//! What one commit does to the keys, on top of what is committed.

use std::collections::BTreeMap;

use fjall::Slice;

use super::layout::Record;

/// Stored keys, in order, and what becomes of each.
pub(super) type Changes = BTreeMap<Slice, Change>;

/// What becomes of one key.
#[derive(Debug)]
pub(super) struct Change {
    /// As others see it until the commit.
    pub(super) before: Committed,
    /// As all see it from then on; none if it is gone.
    pub(super) after: Option<Record>,
}

/// What the committed data has of one key, but for its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Committed {
    /// There is no such key.
    Absent,
    /// There is, expired or not.
    Present {
        /// As in its record.
        expires: Option<u64>,
    },
}

impl Committed {
    /// When it expires, if it is there and does.
    pub(super) fn expires(self) -> Option<u64> {
        match self {
            Committed::Present { expires } => expires,
            Committed::Absent => None,
        }
    }
}
