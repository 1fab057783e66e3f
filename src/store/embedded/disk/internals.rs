//! The internals of fjall and lsm-tree that this engine relies on. Cargo.toml therefore names their
//! exact versions.
//!
//! Before another version is taken, check in its source that:
//!
//! 1. `Keyspace::rotate_memtable` and `Keyspace::tree`, which are hidden from the documentation,
//!    exist. `rotate_memtable` seals one memtable, queues its flush, and blocks for nothing else
//!    (`rotation`). `sealed_memtable_count`, `l0_run_count` and `active_memtable` mean what
//!    `database` takes them for, and fjall's own limits on them (4 and 30) are not lower.
//! 2. A flushed table, the version that lists it and their directories are synced before the sealed
//!    memtable disappears from `sealed_memtable_count`. The journal may be dropped then (`journal`).
//! 3. Journals are the files `NUMBER.jnl` in the database's directory. The one with the highest
//!    number is appended to, and the others are replayed before it. An empty one is valid, and what
//!    its tables hold sets the next sequence number. Replay skips batches that tables hold already.
//! 4. Replay cuts an incomplete last batch off, and only that one (`recovery`).
//! 5. `WriteBatch::commit` returns `Error::Poisoned` only if nothing was written. Every other error
//!    leaves open whether the batch is in the journal, and poisons the database. No error follows
//!    after the batch became visible (`database::Database::commit`).
//! 6. A batch becomes visible to snapshots only after `PersistMode` was honoured.
//! 7. `lock` is the file whose lock a process holds as long as the database is open, and no other
//!    file of the directory that fjall does not know disturbs it (`directory`, `journal`, `reserve`).
//! 8. A new database creates `lock`, `keyspaces`, `0.jnl` and `version` in this order (`directory`).
//! 9. Dropping the database may panic, and waits for its worker (`recovery`).
//! 10. Without workers (`worker_threads_unchecked`) nothing is merged or flushed but by the caller, by
//!     `Tree::flush` and `Keyspace::major_compact`, and nothing waits for a worker before there are 20
//!     runs in level 0 (`database`). Opening removes tables that no version lists (`recovery`).
//! 11. The format of the files is unchanged, or old files are read.
//! 12. `delete_keyspace` is durable when it returns. A keyspace that is created again under the same
//!     name is empty, even if the journal still has batches for the former one (`long`).
//!
//! Then run the tests `embedded`, `disk_full`, `faults` and `history`, and change `CHECKED` below.

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The versions that the list above was checked against.
    const CHECKED: [(&str, &str); 2] = [("fjall", "3.1.13"), ("lsm-tree", "3.1.10")];

    /// The versions of a package that a lock file names.
    fn locked<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
        let name = format!("\nname = \"{package}\"\nversion = \"");
        let entries = lock.split("[[package]]").filter_map(|entry| entry.strip_prefix(&*name));
        entries.filter_map(|entry| entry.split('"').next()).collect()
    }

    #[test]
    fn the_database_is_of_the_versions_that_were_checked() {
        for file in ["Cargo.lock", "fuzz/Cargo.lock"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let lock = std::fs::read_to_string(&path).expect("a lock file");
            for (package, version) in CHECKED {
                assert_eq!(locked(&lock, package), [version], "{package} in {file}");
            }
        }
    }
}
