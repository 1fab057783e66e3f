//! The changes that one commit makes to the committed data.

use std::collections::BTreeMap;

use fjall::Slice;

use crate::store::embedded::format::layout::{Malformed, Record, expiry_of, head_len, is_long};

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
        /// Whether its value is long.
        is_long: bool,
    },
}

impl Committed {
    /// The state of a key with this stored record.
    pub(crate) fn of(stored: &[u8]) -> Result<Committed, Malformed> {
        let expires = expiry_of(stored)?;
        let is_long = is_long(stored.len() - head_len(expires));
        Ok(Committed::Present { expires, is_long })
    }

    /// The state of a key with this record.
    pub(crate) fn of_record(record: &Record) -> Committed {
        let is_long = is_long(record.value.len());
        Committed::Present { expires: record.expires, is_long }
    }

    /// The expiry of the key, if the key is present and has one.
    pub(crate) fn expires(self) -> Option<u64> {
        match self {
            Committed::Present { expires, .. } => expires,
            Committed::Absent => None,
        }
    }

    /// Whether the key is present and its value is long.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Committed::Present { is_long: true, .. })
    }
}
