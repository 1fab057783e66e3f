//! The index of long values: a keyspace beside the data, in which each commit notes the keys whose
//! values become long, or are long no more. So the engine knows of a long value without reading it.
//!
//! A program without the index removes the keyspace when it opens the database, as it removes every
//! keyspace that it does not know. So a mark of completeness never outlives writes of such a program.
//!
//! The index is a hint, and replies never depend on it. After a loss of power, with a sync other than
//! `always`, the keyspaces may be on the disk as of different moments. Then an entry may be missing:
//! the long value is read on the serving thread, which is one slow read. Or an entry may be stale: the
//! short value is read on another thread, which is one hop.

use std::sync::atomic::{AtomicBool, Ordering};

use fjall::{Keyspace, OwnedWriteBatch, Slice};

use super::fault::Fault;
use crate::store::embedded::format::layout::stored_prefix;

/// The entry that marks the index as complete. No stored key is equal to it.
const MARK: &[u8] = b"complete";

/// The index of one generation of the data.
pub(crate) struct LongIndex {
    keyspace: Keyspace,
    is_marked: bool,
    is_complete: AtomicBool,
    has_any: AtomicBool,
}

impl LongIndex {
    /// The index of `data` in `keyspace`. It is complete if it is marked so, or if `data` is empty.
    pub(crate) fn new(keyspace: Keyspace, data: &Keyspace) -> Result<LongIndex, Fault> {
        let is_marked = keyspace.contains_key(MARK)?;
        let is_complete = AtomicBool::new(is_marked || data.is_empty()?);
        let has_any = AtomicBool::new(keyspace.prefix(stored_prefix(b"")).next().is_some());
        Ok(LongIndex { keyspace, is_marked, is_complete, has_any })
    }

    /// The keyspace of the index.
    pub(crate) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Whether the index has the keys of all long values.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }

    /// The entries that the next commit must add.
    pub(crate) fn missing(&self) -> Vec<Slice> {
        let is_new = self.is_complete() && !self.is_marked;
        if is_new { vec![LongIndex::mark()] } else { Vec::new() }
    }

    /// The entry that is added last to an index that becomes complete.
    pub(crate) fn mark() -> Slice {
        Slice::from(MARK)
    }

    /// Adds stored keys or the mark.
    pub(crate) fn add(&self, batch: &mut OwnedWriteBatch, keys: impl Iterator<Item = Slice>) {
        for key in keys {
            // Set before any reader can find the value.
            self.has_any.fetch_or(*key != *MARK, Ordering::AcqRel);
            batch.insert(&self.keyspace, key, "");
        }
    }

    /// Notes a change of a key. `was` and `is` tell whether its value is long before and after.
    pub(crate) fn follow(&self, batch: &mut OwnedWriteBatch, key: &Slice, was: bool, is: bool) {
        // An incomplete index may lack a key whose value was long before.
        if is && !(was && self.is_complete()) {
            self.add(batch, std::iter::once(key.clone()));
        } else if was && !is {
            batch.remove(&self.keyspace, key.clone());
        }
    }

    /// Notes that these entries are committed.
    pub(crate) fn note_added(&self, added: &[Slice]) {
        if added.iter().any(|key| **key == *MARK) {
            self.is_complete.store(true, Ordering::Release);
        }
    }

    /// Whether no value is long, so that no look-up is needed.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_complete() && !self.has_any.load(Ordering::Acquire)
    }

    /// Whether the value of a stored key may be long.
    pub(crate) fn may_have(&self, stored: &[u8]) -> bool {
        // The read of the value reports an error of the disk.
        !self.is_complete() || self.keyspace.contains_key(stored).unwrap_or(true)
    }
}
