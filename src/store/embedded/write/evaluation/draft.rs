//! A draft: the changes of one transaction over data that does not change. The draft is applied
//! later or dropped.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound;

use fjall::Slice;

use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::read::merge;
use crate::store::embedded::types::editor::Edit;

/// One change of a draft.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// See [`Edit::put`].
    Put(Slice, Record),
    /// See [`Edit::set`].
    Set(Slice, Record),
    /// See [`Edit::remove`].
    Remove(Slice),
    /// See [`Edit::discard`].
    Discard(Slice),
    /// Removes all keys of the store. Earlier changes are void.
    ClearAll,
}

/// The changes so far over `base`.
pub(crate) struct Draft<'a> {
    base: &'a dyn Source,
    now: u64,
    changes: BTreeMap<Slice, Option<Record>>,
    /// Whether all keys of `base` are removed.
    is_cleared: bool,
    steps: Vec<Step>,
    len: usize,
    /// The earliest expiry of the keys that were found in `base`, in Unix milliseconds.
    expires: Cell<u64>,
}

impl<'a> Draft<'a> {
    /// A draft without changes. Keys that have expired by `now` are absent.
    pub(crate) fn new(base: &'a dyn Source, now: u64) -> Draft<'a> {
        let (changes, steps, expires) = (BTreeMap::new(), Vec::new(), Cell::new(u64::MAX));
        Draft { base, now, changes, is_cleared: false, steps, len: 0, expires }
    }

    /// About the bytes of the changes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The record of each changed key, in order of the keys; `None` for a removed key.
    pub(crate) fn changes(&self) -> &BTreeMap<Slice, Option<Record>> {
        &self.changes
    }

    /// The changes in the order in which they were made.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Notes that a key that was found expires at `expires`.
    pub(crate) fn note_expiry(&self, expires: Option<u64>) {
        let later = expires.filter(|expires| *expires > self.now);
        self.expires.set(later.map_or(self.expires.get(), |later| later.min(self.expires.get())));
    }

    /// The changes, and the earliest expiry of the keys that were found.
    pub(crate) fn into_parts(self) -> (Vec<Step>, u64) {
        (self.steps, self.expires.get())
    }

    /// Removes all keys of the store.
    pub(crate) fn clear_all(&mut self) {
        self.changes.clear();
        self.steps.clear();
        self.steps.push(Step::ClearAll);
        (self.is_cleared, self.len) = (true, 0);
    }

    /// Whether all keys of the store were removed before the changes.
    pub(crate) fn is_cleared(&self) -> bool {
        self.is_cleared
    }

    fn change(&mut self, stored: &Slice, record: Option<Record>) {
        self.len += stored.len() + record.as_ref().map_or(0, |record| record.value.len()) + 64;
        self.changes.insert(stored.clone(), record);
    }
}

impl Source for Draft<'_> {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        if let Some(record) = self.changes.get(stored) {
            return Ok(record.clone());
        }
        if self.is_cleared {
            return Ok(None);
        }
        let record = self.base.record(stored)?;
        self.note_expiry(record.as_ref().and_then(|record| record.expires));
        Ok(record)
    }

    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_> {
        let base = self.base.keys_from(start).filter(|entry| {
            let Ok((stored, expires)) = entry else { return true };
            self.note_expiry(*expires);
            !self.changes.contains_key(stored)
        });
        let later = self.changes.range::<[u8], _>((Bound::Included(start), Bound::Unbounded));
        let changed =
            later.filter_map(|(stored, record)| Some((stored.clone(), record.as_ref()?.expires)));
        if self.is_cleared {
            return Box::new(changed.map(Ok));
        }
        Box::new(merge::sorted(base, changed))
    }
}

impl Edit for Draft<'_> {
    fn put(&mut self, stored: &Slice, record: Record) -> Result<(), Fault> {
        self.change(stored, Some(record.clone()));
        self.steps.push(Step::Put(stored.clone(), record));
        Ok(())
    }

    fn set(&mut self, stored: &Slice, record: Record) -> Result<(), Fault> {
        self.change(stored, Some(record.clone()));
        self.steps.push(Step::Set(stored.clone(), record));
        Ok(())
    }

    fn remove(&mut self, stored: &Slice) -> Result<(), Fault> {
        self.change(stored, None);
        self.steps.push(Step::Remove(stored.clone()));
        Ok(())
    }

    fn discard(&mut self, stored: &Slice) -> Result<(), Fault> {
        self.change(stored, None);
        self.steps.push(Step::Discard(stored.clone()));
        Ok(())
    }
}
