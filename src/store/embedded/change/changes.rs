//! The changes that one commit makes to the committed data.

use std::collections::BTreeMap;

use fjall::Slice;

use crate::store::embedded::format::layout::Record;

/// The change of each stored key, in order.
pub(crate) type Changes = BTreeMap<Slice, Change>;

/// The change of one key.
#[derive(Debug)]
pub(crate) struct Change {
    /// The committed state of the key before the commit.
    pub(crate) before: Committed,
    /// The record after the commit; `None` if the key is removed.
    pub(crate) after: Option<Record>,
}

/// The committed state of one key, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The key is absent.
    Absent,
    /// The key is present, expired or not.
    Present {
        /// The expiry of its record.
        expires: Option<u64>,
    },
}

impl Committed {
    /// The expiry of the key, if the key is present and has one.
    pub(crate) fn expires(self) -> Option<u64> {
        match self {
            Committed::Present { expires } => expires,
            Committed::Absent => None,
        }
    }
}
