//! What the cache knows of a key.

use bytes::Bytes;

use crate::store::embedded::change::changes::Change;
use crate::store::embedded::format::layout::Record;

/// The size of the cache in bytes, including the overhead of each key.
pub(super) const SIZE: usize = 24 * 1024 * 1024;
/// The longest value that is kept. To read a longer value takes a millisecond or more.
pub(super) const LONGEST: usize = SIZE / 32;
/// The longest value that is put in by a write. A longer one is put in when it is read.
pub(super) const LONGEST_WRITTEN: usize = 4 * 1024;

/// What the cache knows of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// The key is absent.
    Absent,
    /// The record of the key, expired or not.
    Present(Record),
    /// The key has a record, which is too long for the cache.
    Long {
        /// The expiry of the record.
        expires: Option<u64>,
    },
}

impl Known {
    pub(super) fn of(record: Option<&Record>) -> Known {
        match record {
            None => Known::Absent,
            Some(record) if record.value.len() > LONGEST => Known::Long { expires: record.expires },
            // The value may be a slice of a larger buffer, so it is copied.
            Some(Record { expires, value }) => {
                let value = Bytes::copy_from_slice(value);
                Known::Present(Record { expires: *expires, value })
            }
        }
    }

    /// What the cache is to know of a changed key; `None` if it is to forget the key.
    pub(super) fn of_changed(change: &Change) -> Option<Known> {
        match change.after.as_ref() {
            Some(record) if (LONGEST_WRITTEN + 1..=LONGEST).contains(&record.value.len()) => None,
            record => Some(Known::of(record)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Known::Present(record) => record.value.len(),
            Known::Absent | Known::Long { .. } => 0,
        }
    }
}
