//! The removal of many keys at a time: of given keys, of all keys, and of expired keys.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fjall::{PersistMode, Readable, Slice};

use super::transaction::Transaction;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{RecentForm, State, split_entry};
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::types::editor::Edit;
use crate::store::embedded::write::evaluation::evaluate::Evaluated;

/// The most expired keys that one commit removes.
const CHUNK: usize = 1_000;

impl Transaction {
    /// Removes these stored keys.
    pub(crate) fn remove_all(&mut self, keys: &[Slice], now: u64) -> Result<(), Fault> {
        for key in keys {
            match self.record(key)? {
                Some(record) if record.is_expired(now) => self.discard(key)?,
                Some(_) => self.remove(key)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Removes every key of the store, and applies the changes of `after`, in one commit. Returns
    /// the database that holds the data from then on. All earlier changes must be committed.
    pub(crate) fn clear(
        &mut self,
        now: u64,
        mode: PersistMode,
        after: Option<&mut Evaluated>,
    ) -> Result<&Arc<Database>, Fault> {
        for key in self.shared.watches.keys() {
            if self.record(&key)?.is_some_and(|record| !record.is_expired(now)) {
                self.shared.watches.mark(&key);
            }
        }
        self.begin_generation()?;
        after.map_or(Ok(()), |after| self.apply(after))?;
        let changes = self.take_changes();
        self.write_changes(&changes, mode)?;
        Ok(&self.database)
    }

    /// Goes over to new, empty keyspaces. The commit of the state decides which keyspaces count.
    /// The change of all keys ends when readers have the new database.
    fn begin_generation(&mut self) -> Result<(), Fault> {
        self.end_change();
        self.shared.cache.begin_change_of_all();
        let (generation, recent) = (self.state.generation + 1, RecentForm::default());
        self.database = Arc::new(self.database.with_generation(generation)?);
        self.state = State { generation, count: 0, recent, ..self.state.clone() };
        self.recent = self.recent.emptied();
        self.unindexed = self.database.long.missing();
        self.next_expiry = None;
        Ok(())
    }

    /// Removes up to [`CHUNK`] expired keys and commits. Returns whether more may be left. All
    /// earlier changes must be committed.
    pub(crate) fn sweep(&mut self, now: u64) -> Result<bool, Fault> {
        let from = self.shared.swept.load(Ordering::Acquire).to_be_bytes();
        let database = Arc::clone(&self.database);
        let mut last = now;
        self.next_expiry = None;
        for entry in database.snapshot().range(&database.expiry, from.as_slice()..) {
            let entry = entry.key()?;
            let (expires, key) = split_entry(&entry)?;
            if expires > now {
                self.next_expiry = Some(expires);
                break;
            }
            if self.changes.len() + self.orphans.len() == CHUNK {
                (last, self.next_expiry) = (expires, Some(expires));
                break;
            }
            let key = Slice::from(key);
            if self.committed(&key)?.expires() == Some(expires) {
                self.discard(&key)?;
            } else {
                self.orphans.push(entry);
            }
        }
        let more = self.next_expiry.is_some_and(|next| next <= now);
        self.commit(PersistMode::Buffer)?;
        self.shared.swept.store(last, Ordering::Release);
        Ok(more)
    }
}
