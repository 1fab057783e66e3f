//! What one commit does to the keys, on top of what is committed.

use std::collections::BTreeMap;

use fjall::Slice;

use crate::store::embedded::format::layout::Record;

/// Stored keys, in order, and what becomes of each.
pub(crate) type Changes = BTreeMap<Slice, Change>;

/// What becomes of one key.
#[derive(Debug)]
pub(crate) struct Change {
    /// As others see it until the commit.
    pub(crate) before: Committed,
    /// As all see it from then on; none if it is gone.
    pub(crate) after: Option<Record>,
}

/// What the committed data has of one key, but for its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
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
    pub(crate) fn expires(self) -> Option<u64> {
        match self {
            Committed::Present { expires } => expires,
            Committed::Absent => None,
        }
    }
}
