//! What the cache knows of a key.

use bytes::Bytes;

use crate::store::embedded::change::changes::Change;
use crate::store::embedded::format::layout::Record;

/// Bytes of records, with what is needed to find them.
pub(super) const SIZE: usize = 24 * 1024 * 1024;
/// The longest value that is kept: reading another one takes a millisecond or more.
pub(super) const LONGEST: usize = SIZE / 32;
/// The longest value that comes in when it is written, before anybody asked for it.
pub(super) const LONGEST_WRITTEN: usize = 4 * 1024;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// There is no such key.
    Absent,
    /// Its record, expired or not.
    Present(Record),
    /// It has a record, which is too long to be kept here.
    Long,
}

impl Known {
    pub(super) fn of(record: Option<&Record>) -> Known {
        match record {
            None => Known::Absent,
            Some(record) if record.value.len() > LONGEST => Known::Long,
            // A copy, since the value may be a part of something larger.
            Some(Record { expires, value }) => {
                let value = Bytes::copy_from_slice(value);
                Known::Present(Record { expires: *expires, value })
            }
        }
    }

    /// What is known of a key that was changed, if that is to be kept.
    pub(super) fn of_changed(change: &Change) -> Option<Known> {
        match change.after.as_ref() {
            Some(record) if (LONGEST_WRITTEN + 1..=LONGEST).contains(&record.value.len()) => None,
            record => Some(Known::of(record)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Known::Present(record) => record.value.len(),
            Known::Absent | Known::Long => 0,
        }
    }
}
