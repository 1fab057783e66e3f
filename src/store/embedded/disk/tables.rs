//! The memtables: when they are written to tables, and when tables are merged.

use std::time::{Duration, Instant};

use fjall::{AbstractTree, Keyspace};

use super::database::Database;
use super::fault::Fault;

/// The number of sealed memtables of one keyspace at which large writes wait.
///
/// The limit is below 4, at which fjall itself would wait, and would wait forever if its worker has
/// died.
const MAX_SEALED: usize = 2;
/// The number of unmerged tables at which large writes wait. fjall itself would wait at 30, possibly
/// forever.
const MAX_UNMERGED: usize = 20;

impl Database {
    /// Whether memtables are being written to tables in the background. This may fail.
    pub(crate) fn is_writing_out(&self) -> bool {
        let has_sealed = |keyspace: &&Keyspace| keyspace.tree.sealed_memtable_count() > 0;
        self.rotation.is_running() || self.keyspaces().iter().any(has_sealed)
    }

    /// Whether the background work is behind. Then commits should be few and small: once the active
    /// memtables have twice their size, commits wait.
    pub(crate) fn is_behind(&self) -> bool {
        !self.is_idle && self.has_backlog()
    }

    fn has_backlog(&self) -> bool {
        let behind = |keyspace: &&Keyspace| {
            keyspace.tree.sealed_memtable_count() >= MAX_SEALED
                || keyspace.tree.l0_run_count() >= MAX_UNMERGED
        };
        self.keyspaces().iter().any(behind)
    }

    pub(super) fn wait_for_background_work(&self) -> Result<(), Fault> {
        if self.is_idle {
            return if self.has_backlog() { Err(Fault::NoSpace) } else { Ok(()) };
        }
        while self.is_behind() && self.memtables() >= 2 * self.memtables_limit {
            self.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Begins to write all memtables to tables if together they are large.
    ///
    /// fjall would do so by itself, one keyspace at a time. But then each commit past the limit
    /// sends a message to its worker. If the messages fill the queue while the worker merges
    /// tables, the worker waits for itself. Writing all memtables at once also frees journals
    /// early.
    pub(super) fn write_out_when_large(&self) -> Result<(), Fault> {
        let size = self.memtables();
        if size < self.memtables_limit
            || size < 2 * self.memtables_limit && self.rotation.is_running()
        {
            return Ok(());
        }
        if self.is_idle {
            return self.write_out_here();
        }
        if self.is_behind() {
            return Ok(());
        }
        self.rotation.finish()?;
        if self.memtables() >= self.memtables_limit {
            self.rotation.begin(self.keyspaces())?;
        }
        Ok(())
    }

    /// Bytes of active memtables.
    pub(crate) fn memtables(&self) -> u64 {
        self.keyspaces().iter().map(|keyspace| keyspace.tree.active_memtable().size()).sum()
    }

    /// Writes all memtables to tables on this thread, in a database without background work.
    pub(crate) fn write_out_here(&self) -> Result<(), Fault> {
        for keyspace in self.keyspaces() {
            keyspace.tree.rotate_memtable();
            // Old versions are kept.
            keyspace.tree.flush(&keyspace.tree.get_flush_lock(), 0)?;
        }
        Ok(())
    }

    /// Whether all tables can be merged within `room` bytes, so that removed keys give up their
    /// room. `live` is the number of keys.
    pub(crate) fn can_merge(&self, live: u64, room: u64) -> bool {
        let version = self.data.tree.current_version();
        let items = version.iter_tables().map(|table| u128::from(table.metadata.item_count));
        let items: u128 = items.sum();
        let len = u128::from(self.data.disk_space());
        len * u128::from(live).min(items) / items.max(1) < u128::from(room)
    }

    /// Merges all tables of each keyspace.
    pub(crate) fn merge_all(&self) -> Result<(), Fault> {
        for keyspace in self.keyspaces() {
            if keyspace.tree.table_count() > 0 {
                keyspace.major_compact()?;
            }
        }
        Ok(())
    }

    /// The bytes of tables. Merging them takes at most as much room.
    pub(crate) fn tables(&self) -> u64 {
        self.data.disk_space()
    }

    /// Writes all memtables to tables. Nothing may be written meanwhile. False if that takes longer
    /// than `limit`.
    pub(crate) fn write_out(&self, limit: Duration) -> Result<bool, Fault> {
        if self.is_idle {
            return self.write_out_here().map(|()| true);
        }
        let end = Instant::now() + limit;
        self.rotation.begin(self.keyspaces())?;
        self.rotation.finish()?;
        while self.is_writing_out() {
            if Instant::now() > end {
                return Ok(false);
            }
            self.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(self.keyspaces().iter().all(|keyspace| keyspace.tree.active_memtable().is_empty()))
    }
}
