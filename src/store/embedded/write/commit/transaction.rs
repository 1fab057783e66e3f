//! The writer's transaction: changes over the committed data. The commit updates the count, the
//! indexes and the state, too.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fjall::{PersistMode, Slice};

use crate::store::embedded::change::changes::{Change, Changes, Committed};
use crate::store::embedded::disk::database::{CommitError, Database};
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::disk::long::LongIndex;
use crate::store::embedded::format::layout::{Record, State, expiry_entry, is_long};
use crate::store::embedded::format::page::Bounds;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::last::recent::{Recent, Written};
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::types::editor::Edit;
use crate::store::embedded::write::evaluation::draft::Step;
use crate::store::embedded::write::evaluation::evaluate::{Evaluated, Prepared};

/// The transaction of the one writer. After a commit it goes on as the next transaction.
///
/// After an error of a function that commits, the transaction must be dropped and the database
/// opened again.
pub(crate) struct Transaction {
    pub(super) database: Arc<Database>,
    scope: Scope,
    pub(super) state: State,
    pub(super) recent: Recent,
    pub(super) changes: Changes,
    /// Entries of the expiry index without a key that expires then.
    pub(super) orphans: Vec<Slice>,
    /// What the next commit adds to the index of long values, besides its own changes.
    pub(super) unindexed: Vec<Slice>,
    /// About the bytes of `changes`.
    len: usize,
    pub(super) shared: Arc<Shared>,
    /// Whether the last change is visible and the cache has yet to be told.
    change_can_be_seen: bool,
    /// The earliest moment at which a key may expire; `None` if no key expires.
    pub(super) next_expiry: Option<u64>,
}

impl Transaction {
    /// Begins a transaction on `database`. Counts the keys if the stored count is for another
    /// prefix.
    pub(crate) fn begin(
        database: Arc<Database>,
        scope: &Scope,
        last_depth: usize,
        has_parts: bool,
        shared: Arc<Shared>,
    ) -> Result<Transaction, Fault> {
        let state = database.state()?;
        let parts = has_parts.then(|| Slice::from(&scope.stored_prefix[..]));
        let get = |number: u32| Ok(database.recent.get(number.to_be_bytes())?);
        let bounds = Bounds { depth: last_depth, parts };
        let recent = Recent::read(state.recent, get)?.within(bounds);
        shared.swept.store(0, Ordering::Release);
        let unindexed = database.long.missing();
        let mut transaction = Transaction {
            database,
            scope: scope.clone(),
            state,
            recent,
            changes: Changes::new(),
            orphans: Vec::new(),
            unindexed,
            len: 0,
            shared,
            change_can_be_seen: false,
            next_expiry: Some(0),
        };
        if transaction.state.prefix != scope.prefix {
            transaction.state.count = transaction.database.count(&scope.stored_prefix)?;
            transaction.state.prefix = scope.prefix.clone();
            transaction.write(PersistMode::Buffer)?;
        } else if transaction.recent.is_behind() {
            transaction.write(PersistMode::Buffer)?;
        }
        Ok(transaction)
    }

    /// The number of the last attempted commit.
    pub(crate) fn commit_number(&self) -> u64 {
        self.state.commit
    }

    /// The database that the changes go to.
    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// About the bytes of the uncommitted changes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The earliest moment at which a key may expire.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.next_expiry
    }

    /// Applies the changes of an evaluation.
    pub(crate) fn apply(&mut self, evaluated: &mut Evaluated) -> Result<(), Fault> {
        for step in std::mem::take(&mut evaluated.steps) {
            match step {
                Step::Put(key, record) => self.put(&key, record)?,
                Step::Set(key, record) => self.set(&key, record)?,
                Step::Remove(key) => self.remove(&key)?,
                Step::Discard(key) => self.discard(&key)?,
                // [`Transaction::clear`] has removed all keys.
                Step::ClearAll => {}
            }
        }
        Ok(())
    }

    /// Whether an evaluation is valid for all changes so far, committed or not.
    pub(crate) fn allows(&self, prepared: &Prepared, now: u64) -> bool {
        prepared.is_right(now) && !prepared.observer.is_touched_by(&self.changes)
    }

    /// Enters those of these stored keys whose values are long into the index of long values. An
    /// empty list marks the index as complete.
    pub(crate) fn index(&mut self, keys: &[Slice]) -> Result<(), Fault> {
        if keys.is_empty() {
            self.unindexed.push(LongIndex::mark());
        }
        for key in keys {
            if self.committed(key)?.is_long() {
                self.unindexed.push(key.clone());
            }
        }
        Ok(())
    }

    /// Commits the changes. Returns whether there were any.
    pub(crate) fn commit(&mut self, mode: PersistMode) -> Result<bool, Fault> {
        if self.changes.is_empty() && self.orphans.is_empty() && self.unindexed.is_empty() {
            return Ok(false);
        }
        self.write(mode).map(|()| true)
    }

    fn write(&mut self, mode: PersistMode) -> Result<(), Fault> {
        self.end_change();
        let changes = self.take_changes();
        if !changes.is_empty() {
            self.shared.cache.begin_change(Arc::clone(&changes));
        }
        self.write_changes(&changes, mode)?;
        self.change_can_be_seen = !changes.is_empty();
        self.shared.observers.tell(&changes);
        Ok(())
    }

    pub(super) fn take_changes(&mut self) -> Arc<Changes> {
        Arc::new(std::mem::take(&mut self.changes))
    }

    /// Commits `changes`. The cache knows already that they are under way.
    pub(super) fn write_changes(
        &mut self,
        changes: &Changes,
        mode: PersistMode,
    ) -> Result<(), Fault> {
        let unindexed = std::mem::take(&mut self.unindexed);
        let capacity = changes.len() + self.orphans.len() + unindexed.len() + 2;
        let mut batch = self.database.batch(capacity);
        let (data, expiry, recent) =
            (&self.database.data, &self.database.expiry, &self.database.recent);
        for (key, Change { before, after }) in changes {
            let (was, is) = (before.expires(), after.as_ref().and_then(|record| record.expires));
            if was != is {
                was.inspect(|was| batch.remove(expiry, expiry_entry(*was, key)));
                is.inspect(|is| batch.insert(expiry, expiry_entry(*is, key), ""));
            }
            let is_now_long = after.as_ref().is_some_and(|record| is_long(record.value.len()));
            self.database.long.follow(&mut batch, key, before.is_long(), is_now_long);
            match after {
                Some(record) => batch.insert(data, key.clone(), record.encode()),
                None if *before != Committed::Absent => batch.remove(data, key.clone()),
                None => {}
            }
        }
        let unchanged = unindexed.iter().filter(|key| !changes.contains_key(*key));
        self.database.long.add(&mut batch, unchanged.cloned());
        for entry in self.orphans.drain(..) {
            batch.remove(expiry, entry);
        }
        if let Some(Written { page: (number, page), form, void }) = self.recent.take_changes() {
            batch.insert(recent, number.to_be_bytes(), page);
            void.for_each(|slot| batch.remove(recent, slot.to_be_bytes()));
            self.state.recent = form;
        }
        self.len = 0;
        self.state.commit += 1;
        self.database.commit(batch, &self.state, mode).map_err(|error| match error {
            CommitError::Refused(fault) => {
                self.state.commit -= 1;
                fault
            }
            CommitError::Unknown(fault) => fault,
        })?;
        self.database.long.note_added(&unindexed);
        Ok(())
    }

    /// Puts the committed records into the cache. This takes a while, and no client waits for it:
    /// until then readers look into the database.
    pub(crate) fn end_change(&mut self) {
        if std::mem::take(&mut self.change_can_be_seen) {
            self.shared.cache.end_change();
        }
    }

    /// Changes a key. Returns whether the key was present.
    fn change(&mut self, stored: &Slice, after: Option<Record>) -> Result<bool, Fault> {
        if let Some(change) = self.changes.get_mut(stored) {
            return Ok(std::mem::replace(&mut change.after, after).is_some());
        }
        let before = self.committed(stored)?;
        self.changes.insert(stored.clone(), Change { before, after });
        Ok(before != Committed::Absent)
    }
}

impl Edit for Transaction {
    fn put(&mut self, stored: &Slice, record: Record) -> Result<(), Fault> {
        if let Some(expires) = record.expires {
            self.next_expiry = Some(self.next_expiry.map_or(expires, |next| next.min(expires)));
            self.shared.swept.fetch_min(expires, Ordering::AcqRel);
        }
        self.shared.watches.mark(stored);
        self.len += stored.len() + record.value.len() + 64;
        let is_new = !self.change(stored, Some(record))?;
        self.state.count += u64::from(is_new && self.scope.client_key(stored).is_some());
        Ok(())
    }

    fn set(&mut self, stored: &Slice, record: Record) -> Result<(), Fault> {
        self.put(stored, record)?;
        self.recent.set(stored);
        Ok(())
    }

    fn remove(&mut self, stored: &Slice) -> Result<(), Fault> {
        self.shared.watches.mark(stored);
        self.discard(stored)
    }

    fn discard(&mut self, stored: &Slice) -> Result<(), Fault> {
        self.len += stored.len() + 64;
        let was_there = self.change(stored, None)?;
        self.recent.remove(stored);
        let counted = was_there && self.scope.client_key(stored).is_some();
        self.state.count = self.state.count.saturating_sub(u64::from(counted));
        Ok(())
    }
}
