//! The opening and closing of the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use fjall::PersistMode;

use super::state::Recovery;
use super::state::Remedy;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::disk::journal;
use crate::store::embedded::disk::journal::Journal;
use crate::store::embedded::disk::reserve::Reserve;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::write::commit::transaction::Transaction;

/// The time that readers may keep a database that is to be closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// The time that an orderly end may take to shorten the journal for the next start.
const WRITE_OUT_LIMIT: Duration = Duration::from_secs(2);

impl Recovery {
    /// Opens the store at `path` for the first time.
    pub(crate) fn open(
        path: PathBuf,
        scope: Scope,
        last_depth: usize,
        has_parts: bool,
        shared: Arc<Shared>,
    ) -> Result<Recovery, Fault> {
        let reserve = Reserve::new(&path);
        let mut recovery = Recovery {
            reserve,
            scarcity: None,
            path,
            scope,
            last_depth,
            has_parts,
            shared,
            transaction: None,
            settled: 0,
            failure: None,
            opened_at: Instant::now(),
        };
        match recovery.reopen() {
            // A database without the index of long values gets its keyspace, which takes room.
            Err(Fault::NoSpace) => {
                recovery.begin_scarcity();
                recovery.reopen()?;
            }
            opened => opened?,
        }
        recovery.reserve = Reserve::new(&recovery.path);
        if recovery.reserve.is_given_up() {
            recovery.begin_scarcity();
        } else if let Err(error) = recovery.reserve.take(0) {
            tracing::warn!(%error, "the embedded store has no reserve of room");
        }
        if journal::is_in_doubt(&recovery.path) {
            let room = recovery.background_room();
            recovery.fail(&Fault::Poisoned, Instant::now(), Remedy::Renew, room);
        }
        Ok(recovery)
    }

    /// Closes the store at the end of the process, and shortens the journal for the next start if
    /// possible.
    pub(crate) fn finish(mut self) {
        // This may panic, as closing may, if the background work did.
        let journal = catch_unwind(AssertUnwindSafe(|| self.write_out())).unwrap_or_default();
        self.close();
        // If the journal stays, the next start takes longer.
        if let Some(Err(error)) = journal.map(|journal| journal.cut()) {
            tracing::debug!(%error, "the journal of the embedded store stays");
        }
    }

    /// Writes all memtables to tables if the journal is long. Returns the journal that is no longer
    /// needed.
    pub(super) fn write_out(&self) -> Option<Journal> {
        let database = self.transaction.as_ref()?.database();
        let is_long = Journal::find(&self.path).ok()??.is_long();
        if !is_long || self.failure.is_some() || !database.write_out(WRITE_OUT_LIMIT).ok()? {
            return None;
        }
        database.persist(PersistMode::SyncAll).ok()?;
        Journal::find(&self.path).ok()?
    }

    /// Closes the database. Waits for readers, at most for [`CLOSE_LIMIT`].
    pub(super) fn close(&mut self) {
        self.shared.publish(None);
        let Some(transaction) = self.transaction.take() else { return };
        let database = Arc::downgrade(transaction.database());
        // Closing the database may panic if its background work did.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(transaction)));
        wait_for_readers(&database);
    }

    pub(super) fn reopen(&mut self) -> Result<(), Fault> {
        self.close();
        self.opened_at = Instant::now();
        // Opening begins with a sync of the journal.
        let open = if self.is_scarce() { Database::open_idle } else { Database::open };
        let opened = open(&self.path).inspect_err(|fault| {
            if matches!(fault, Fault::Io(_) | Fault::NoSpace) {
                journal::doubt(&self.path);
            }
        });
        let database = Arc::new(opened?);
        let shared = Arc::clone(&self.shared);
        let transaction = Transaction::begin(
            Arc::clone(&database),
            &self.scope,
            self.last_depth,
            self.has_parts,
            shared,
        )?;
        self.transaction = Some(transaction);
        self.settle();
        self.shared.publish(Some(database));
        Ok(())
    }

    /// Closes the database, writes all its data to tables, and opens it again with an empty
    /// journal. After an error the database is closed if it cannot be opened.
    pub(super) fn renew(&mut self) -> Result<(), Fault> {
        self.close();
        let renewed = catch_unwind(AssertUnwindSafe(|| self.renew_closed()));
        self.reopen()?;
        renewed.unwrap_or(Err(Fault::Panicked))
    }

    pub(super) fn renew_closed(&self) -> Result<(), Fault> {
        Database::open_idle(&self.path)?.write_out_here()?;
        journal::renew(&self.path)?;
        if self.is_scarce() {
            let database = Database::open_idle(&self.path)?;
            if database.can_merge(database.state()?.count, self.reserve.room())
                && let Err(fault) = database.merge_all()
            {
                tracing::debug!(%fault, "removed keys of the embedded store still take room");
            }
        }
        Ok(())
    }
}

fn wait_for_readers(database: &Weak<Database>) {
    let begun = Instant::now();
    while database.strong_count() > 0 && begun.elapsed() < CLOSE_LIMIT {
        std::thread::sleep(Duration::from_millis(1));
    }
}
