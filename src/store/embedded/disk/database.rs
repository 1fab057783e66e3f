//! The database's files and keyspaces, and the bounds of its memory. This file knows no commands.
//!
//! Memory: the block cache has [`CACHE`] bytes, beside the records in
//! [`crate::store::embedded::read::cache`]. The active memtables have [`MEMTABLES`] bytes, and
//! twice as many while new memtables begin or the background work is behind. The memtables that are
//! being written out have at most twice as many (see `tables`). Disk: a journal file is sparse and has 64 MiB. At most
//! [`JOURNALS`] bytes of journals are kept for long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use fjall::{
    CompressionType, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable,
    Snapshot,
};

use super::directory;
use super::fault::Fault;
use super::long::LongIndex;
use super::reserve::Reserve;
use super::rotation::Rotation;
use crate::store::embedded::format::layout::{Entry, State, expiry_of};

/// The bytes of blocks in memory. Recently used records have memory of their own in
/// [`crate::store::embedded::read::cache`].
///
/// The cache is divided into parts, and one part must hold the filter of a whole table. With 8 MiB
/// and a million keys each read loaded the filters from the files again and took 20 times as long.
const CACHE: u64 = 32 * 1024 * 1024;
/// The bytes of active memtables. Past this limit the memtables are written to tables.
pub(crate) const MEMTABLES: u64 = 16 * 1024 * 1024;
/// The lower bound of [`MEMTABLES`] on a small disk.
const MIN_MEMTABLES: u64 = 512 * 1024;
/// On a small disk the reserve is at least so many times as large as the memtables.
const MEMTABLES_IN_RESERVE: u64 = 4;
/// The bytes of journals past which fjall hurries to write out the memtables that the journals
/// protect.
const JOURNALS: u64 = 128 * 1024 * 1024;

const STATE_KEY: &str = "state";
const CURSORS_KEY: &str = "cursors";

/// The reason why a commit is not acknowledged.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// Nothing was written.
    Refused(Fault),
    /// The batch may be in the journal.
    Unknown(Fault),
}

/// An open database with the keyspaces of one generation.
pub(crate) struct Database {
    pub(super) rotation: Rotation,
    /// Whether the database was opened without background work.
    pub(super) is_idle: bool,
    /// Bytes of active memtables past which they are written to tables.
    pub(super) memtables_limit: u64,
    fjall: fjall::Database,
    /// Holds the state.
    meta: Keyspace,
    /// Maps a stored key to its record.
    pub(crate) data: Keyspace,
    /// The expiry index: its keys are [`crate::store::embedded::format::layout::expiry_entry`], its
    /// values are empty.
    pub(crate) expiry: Keyspace,
    /// The index of `last`: maps the number of a page, in four bytes, to the page that
    /// [`crate::store::embedded::last`] wrote.
    pub(crate) recent: Keyspace,
    /// The index of the keys in `data` whose values are long.
    pub(crate) long: LongIndex,
}

impl Database {
    /// Opens or creates the database in `directory`, and makes the directory private.
    pub(crate) fn open(directory: &Path) -> Result<Database, Fault> {
        Database::open_with(directory, 1)
    }

    /// Opens the database without background work: fjall would begin to merge tables at once,
    /// whatever room that takes. The committing thread writes memtables to tables.
    pub(crate) fn open_idle(directory: &Path) -> Result<Database, Fault> {
        Database::open_with(directory, 0)
    }

    fn open_with(directory: &Path, workers: usize) -> Result<Database, Fault> {
        directory::prepare(directory)?;
        // On a small disk all memtables must fit into the reserve.
        let memtables_limit = Reserve::new(directory).len() / MEMTABLES_IN_RESERVE;
        let memtables_limit = memtables_limit.clamp(MIN_MEMTABLES, MEMTABLES);
        // Some kinds of damage make fjall panic. No value survives the panic here.
        let database = catch_unwind(AssertUnwindSafe(|| {
            let fjall = fjall::Database::builder(directory)
                .cache_size(CACHE)
                .worker_threads_unchecked(workers)
                .max_journaling_size(JOURNALS)
                // A truncated compressed entry could not be told from a damaged one.
                .journal_compression(CompressionType::None)
                .manual_journal_persist(true)
                .open()?;
            let meta = fjall.keyspace("meta", options)?;
            let state = state(meta.get(STATE_KEY)?)?;
            let database = Database::generation(
                fjall,
                meta,
                state.generation,
                (workers == 0, memtables_limit),
            )?;
            database.remove_other_generations()?;
            Ok(database)
        }));
        database.unwrap_or(Err(Fault::Panicked))
    }

    /// The same database with the keyspaces of another generation. They are created if they do not
    /// exist.
    pub(crate) fn with_generation(&self, generation: u64) -> Result<Database, Fault> {
        self.rotation.finish()?;
        Database::generation(
            self.fjall.clone(),
            self.meta.clone(),
            generation,
            (self.is_idle, self.memtables_limit),
        )
    }

    fn generation(
        fjall: fjall::Database,
        meta: Keyspace,
        generation: u64,
        (is_idle, memtables_limit): (bool, u64),
    ) -> Result<Database, Fault> {
        let open = |kind| fjall.keyspace(&format!("{kind}.{generation}"), options);
        let (data, expiry, recent) = (open("data")?, open("expiry")?, open("recent")?);
        let long = LongIndex::new(open("long")?, &data)?;
        let rotation = Rotation::default();
        Ok(Database { rotation, is_idle, memtables_limit, fjall, meta, data, expiry, recent, long })
    }

    /// Removes the keyspaces of other generations, which stay behind when the store is cleared.
    pub(crate) fn remove_other_generations(&self) -> Result<(), Fault> {
        for name in self.fjall.list_keyspace_names() {
            if !self.keyspaces().iter().any(|keyspace| *keyspace.name() == name) {
                self.fjall.delete_keyspace(self.fjall.keyspace(&name, options)?)?;
            }
        }
        Ok(())
    }

    /// The committed state.
    pub(crate) fn state(&self) -> Result<State, Fault> {
        state(self.meta.get(STATE_KEY)?)
    }

    /// The state in `snapshot`.
    pub(crate) fn state_at(&self, snapshot: &Snapshot) -> Result<State, Fault> {
        state(snapshot.get(&self.meta, STATE_KEY)?)
    }

    /// The cursors that [`Database::keep_cursors`] stored last.
    pub(crate) fn cursors(&self) -> Result<Option<fjall::Slice>, Fault> {
        Ok(self.meta.get(CURSORS_KEY)?)
    }

    /// Stores the cursors of iterations.
    pub(crate) fn keep_cursors(&self, cursors: &[u8]) -> Result<(), Fault> {
        let mut batch = self.batch(1);
        batch.insert(&self.meta, CURSORS_KEY, cursors);
        Ok(batch.durability(Some(PersistMode::Buffer)).commit()?)
    }

    /// A snapshot of all commits so far.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.fjall.snapshot()
    }

    /// The stored keys of `snapshot` that are not before `start`, in order.
    pub(crate) fn keys_from(
        &self,
        snapshot: &Snapshot,
        start: &[u8],
    ) -> impl Iterator<Item = Result<Entry, Fault>> + use<> {
        snapshot.range(&self.data, start..).map(|entry| {
            let (stored, record) = entry.into_inner()?;
            Ok((stored, expiry_of(&record)?))
        })
    }

    /// The number of stored keys with this prefix.
    pub(crate) fn count(&self, prefix: &[u8]) -> Result<u64, Fault> {
        let keys = self.snapshot().prefix(&self.data, prefix);
        keys.map(|entry| Ok(entry.key().map(|_| 1)?)).sum()
    }

    /// An empty batch with room for `capacity` changes.
    pub(crate) fn batch(&self, capacity: usize) -> OwnedWriteBatch {
        OwnedWriteBatch::with_capacity(self.fjall.clone(), capacity)
    }

    /// Commits `batch` together with `state`, and persists it as `mode` says. Readers see either
    /// the whole batch or nothing of it, and they see nothing before it is persisted. Waits while
    /// the background work is far behind.
    ///
    /// After an error the database takes no more writes and must be opened again. A failure after
    /// the commit is no error of the commit: [`Database::check`] reports it.
    pub(crate) fn commit(
        &self,
        mut batch: OwnedWriteBatch,
        state: &State,
        mode: PersistMode,
    ) -> Result<(), CommitError> {
        self.wait_for_background_work().map_err(CommitError::Refused)?;
        batch.insert(&self.meta, STATE_KEY, state.encode());
        batch.durability(Some(mode)).commit().map_err(|error| match error {
            fjall::Error::Poisoned => CommitError::Refused(Fault::Poisoned),
            other => CommitError::Unknown(other.into()),
        })?;
        if let Err(fault) = self.write_out_when_large() {
            self.rotation.note_failure(fault);
        }
        Ok(())
    }

    /// Persists all commits so far, as `mode` says.
    pub(crate) fn persist(&self, mode: PersistMode) -> Result<(), Fault> {
        Ok(self.fjall.persist(mode)?)
    }

    /// Whether the database still takes writes: an error if its background work failed, or a step
    /// that follows a commit. The database must be opened again then.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.rotation.take_failure().map_or(Ok(()), Err)?;
        self.persist(PersistMode::Buffer)
    }

    pub(super) fn keyspaces(&self) -> [&Keyspace; 5] {
        [&self.meta, self.long.keyspace(), &self.data, &self.expiry, &self.recent]
    }
}

fn options() -> KeyspaceCreateOptions {
    // No limit here: `write_out_when_large` decides.
    KeyspaceCreateOptions::default().max_memtable_size(u64::MAX).manual_journal_persist(true)
}

fn state(stored: Option<fjall::Slice>) -> Result<State, Fault> {
    match stored {
        Some(stored) => Ok(State::decode(&stored)?),
        None => Ok(State { prefix: Bytes::new(), ..State::default() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_took_place_is_acknowledged_though_what_follows_it_fails() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::open(directory.path()).expect("opened");
        let mut state = State::default();
        let mut commit = |value: Vec<u8>| {
            let mut batch = database.batch(1);
            batch.insert(&database.data, "k", value);
            state.commit += 1;
            database.commit(batch, &state, PersistMode::SyncData)
        };
        // Of the kind that a commit is refused with.
        database.rotation.fail_next(Fault::Poisoned);
        let large = vec![7; usize::try_from(MEMTABLES).expect("it fits")];
        commit(large.clone()).expect("it took place");
        assert_eq!(database.state().expect("a state").commit, 1);
        assert_eq!(database.data.get("k").expect("readable").as_deref(), Some(&large[..]));
        database.check().expect_err("the failure is told apart from the commit");
        database.check().expect("it is told once");
        commit(vec![1]).expect("committed");
        database.check().expect("the rotation was tried again");
    }
}
