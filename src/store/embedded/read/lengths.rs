//! Whether a batch reads long values. The answer decides which thread reads.
//!
//! For a key that the cache does not know, the index of long values is asked, unless no value is
//! long. So even the first read of a long value keeps off the serving thread.

use bytes::Bytes;

use super::cache::known::Known;
use super::cache::records::Look;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::format::scope::{Scope, StoredKey};
use crate::store::operation::Operation;

/// What the cache knows of the lengths of the values that a batch reads. Only the first
/// [`Lengths::MAX_KEYS`] keys are looked up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lengths {
    is_any_long: bool,
    /// One bit for each key, which is set if the cache does not know the key.
    unknown: u64,
}

impl Lengths {
    /// The number of keys that are looked up. Batches of more keys must not be read on the serving
    /// thread.
    pub(crate) const MAX_KEYS: usize = u64::BITS as usize;

    /// What the cache knows of the values that `batch` reads.
    pub(crate) fn of(scope: &Scope, look: &Look<'_>, batch: &[Operation]) -> Lengths {
        let (mut lengths, mut room) = (Lengths::default(), StoredKey::new());
        for (number, key) in keys(batch) {
            let Some(stored) = scope.stored_in(key, &mut room) else { continue };
            match look.get(stored) {
                Some(Known::Long { .. }) => lengths.is_any_long = true,
                Some(Known::Absent | Known::Present(_)) => {}
                None => lengths.unknown |= 1 << number,
            }
        }
        lengths
    }

    /// Whether `batch` may read a long value. The index in `database` is asked for the keys that
    /// the cache does not know.
    pub(crate) fn may_be_long(
        self,
        scope: &Scope,
        database: &Database,
        batch: &[Operation],
    ) -> bool {
        if self.is_any_long || self.unknown == 0 || database.long.is_empty() {
            return self.is_any_long;
        }
        let mut room = StoredKey::new();
        keys(batch).filter(|(number, _)| self.unknown & (1 << number) != 0).any(|(_, key)| {
            scope.stored_in(key, &mut room).is_some_and(|stored| database.long.may_have(stored))
        })
    }
}

fn keys(batch: &[Operation]) -> impl Iterator<Item = (usize, &Bytes)> {
    batch.iter().flat_map(Operation::keys).take(Lengths::MAX_KEYS).enumerate()
}
