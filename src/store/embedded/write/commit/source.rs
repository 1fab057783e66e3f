//! The reads of the writer's transaction: the committed data with the changes so far.

use std::ops::Bound;

use super::transaction::Transaction;
use crate::store::embedded::change::changes::Committed;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::read::cache::known::Known;
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::read::merge;

impl Transaction {
    /// The committed state of a key. Only this thread commits, so the cache is up to date.
    pub(super) fn committed(&self, stored: &[u8]) -> Result<Committed, Fault> {
        match self.shared.cache.look().get(stored) {
            Some(Known::Absent) => return Ok(Committed::Absent),
            Some(Known::Present(record)) => return Ok(Committed::of_record(record)),
            Some(Known::Long { expires }) => {
                return Ok(Committed::Present { expires: *expires, is_long: true });
            }
            None => {}
        }
        let record = self.database.data.get(stored)?;
        Ok(record.map_or(Ok(Committed::Absent), |record| Committed::of(&record))?)
    }

    fn committed_record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        match self.shared.cache.look().get(stored) {
            Some(Known::Absent) => return Ok(None),
            Some(Known::Present(record)) => return Ok(Some(record.clone())),
            Some(Known::Long { .. }) | None => {}
        }
        Ok(self.database.data.get(stored)?.map(Record::decode).transpose()?)
    }
}

impl Source for Transaction {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        match self.changes.get(stored) {
            Some(change) => Ok(change.after.clone()),
            None => self.committed_record(stored),
        }
    }

    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_> {
        let committed = self.database.keys_from(&self.database.snapshot(), start);
        let is_unchanged = |entry: &Result<Entry, Fault>| {
            !entry.as_ref().is_ok_and(|(stored, _)| self.changes.contains_key(stored))
        };
        let later = self.changes.range::<[u8], _>((Bound::Included(start), Bound::Unbounded));
        let changed = later
            .filter_map(|(stored, change)| Some((stored.clone(), change.after.as_ref()?.expires)));
        Box::new(merge::sorted(committed.filter(is_unchanged), changed))
    }
}
