//! The database's journal: how it is shortened at an orderly end, and replaced after a failure.
//!
//! After a failed sync the kernel takes the bytes for written, and reads return them for as long as
//! they stay in memory. After a loss of power the journal ends before these bytes, and before all
//! bytes that were appended later. So after a failure all data that was read back is written to
//! tables, and a new journal begins ([`renew`]). A file in the directory tells a later process that
//! the new journal is due ([`doubt`]).
//!
//! Opening the database reads the whole journal, even the part whose data is in tables already. For
//! 64 MiB that takes a second or more, while the clients of a restart wait. So at an orderly end
//! the memtables are written out, and the journal is truncated, as fjall truncates it when the next
//! journal has begun.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::directory::LOCK;

/// The extension of journals. Their names are numbers.
const EXTENSION: &str = "jnl";
/// Reading a journal of fewer bytes takes no longer than writing tables.
const LONG: u64 = 1024 * 1024;
/// The unit of [`MetadataExt::blocks`].
const BLOCK: u64 = 512;

/// The file whose presence says that the journal may not be on the disk.
const DOUBT: &str = "journal-in-doubt";

/// Notes that the journals of the database in `directory` may differ on the disk from the bytes
/// that reads return.
///
/// The file needs no sync: after a loss of power reads return the bytes on the disk.
pub(crate) fn doubt(directory: &Path) {
    if let Err(error) = File::create(directory.join(DOUBT)) {
        tracing::debug!(%error, "the doubt about the journal of the embedded store is not noted");
    }
}

/// Whether [`doubt`] was noted and no new journal has begun since.
pub(crate) fn is_in_doubt(directory: &Path) -> bool {
    directory.join(DOUBT).exists()
}

/// Begins a new journal in place of all journals. The database must be closed, and all its data
/// must be in tables.
pub(crate) fn renew(directory: &Path) -> io::Result<()> {
    let lock = File::options().write(true).open(directory.join(LOCK))?;
    lock.try_lock()?;
    let sync = || File::open(directory)?.sync_all();
    let old = journals(directory)?;
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let next = old.iter().filter_map(number).max().map_or(0, |last| last + 1);
    File::create_new(directory.join(format!("{next}.{EXTENSION}")))?.sync_all()?;
    // Without any journal the database would restart its sequence numbers.
    sync()?;
    for path in old {
        fs::remove_file(path)?;
    }
    sync()?;
    match fs::remove_file(directory.join(DOUBT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn journals(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|it| it == EXTENSION);
    paths.filter(|path| path.as_ref().map_or(true, is_journal)).collect()
}

/// The only journal of a database.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    metadata: Metadata,
}

impl Journal {
    /// The journal of the database in `directory`. `None` if there are older journals beside it:
    /// these hold data that is in no table yet.
    pub(crate) fn find(directory: &Path) -> io::Result<Option<Journal>> {
        let mut found = journals(directory)?;
        let (Some(path), true) = (found.pop(), found.is_empty()) else { return Ok(None) };
        let metadata = fs::metadata(&path)?;
        Ok(Some(Journal { path, metadata }))
    }

    /// Whether reading the journal takes longer than replacing it.
    pub(crate) fn is_long(&self) -> bool {
        self.metadata.blocks() * BLOCK >= LONG
    }

    /// Truncates the journal. The database must be closed, and all its data must be in tables. A
    /// journal that has changed since it was found is left unchanged: another process has opened
    /// the database then.
    pub(crate) fn cut(&self) -> io::Result<()> {
        let lock = File::options().write(true).open(self.path.with_file_name(LOCK))?;
        lock.try_lock()?;
        let file = File::options().write(true).open(&self.path)?;
        if state(&file.metadata()?) == state(&self.metadata) {
            file.set_len(0)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

/// Metadata that every opening of the database and every write changes.
fn state(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    /// A directory with a lock and a journal that is long.
    fn directory() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(LOCK), "").expect("written");
        let journal = directory.path().join("7.jnl");
        fs::write(&journal, vec![b'x'; 2 * 1024 * 1024]).expect("written");
        (directory, journal)
    }

    fn find(directory: &TempDir) -> Option<Journal> {
        Journal::find(directory.path()).expect("readable")
    }

    fn length(path: &Path) -> u64 {
        fs::metadata(path).expect("there").len()
    }

    #[test]
    fn a_journal_is_cut_that_nobody_has_touched() {
        let (directory, path) = directory();
        let journal = find(&directory).expect("there");
        assert!(journal.is_long());
        journal.cut().expect("cut");
        assert_eq!(length(&path), 0);
        assert!(!find(&directory).expect("there").is_long());
    }

    #[test]
    fn a_journal_that_was_written_since_is_kept() {
        let (directory, path) = directory();
        let journal = find(&directory).expect("there");
        let mut file = File::options().append(true).open(&path).expect("there");
        file.write_all(b"more").expect("written");
        journal.cut().expect("let be");
        assert_eq!(length(&path), 2 * 1024 * 1024 + 4);
    }

    #[test]
    fn a_database_that_somebody_has_opened_is_let_be() {
        let (directory, path) = directory();
        let journal = find(&directory).expect("there");
        let lock = File::open(directory.path().join(LOCK)).expect("there");
        lock.lock().expect("locked");
        journal.cut().expect_err("it is open");
        assert_eq!(length(&path), 2 * 1024 * 1024);
    }

    #[test]
    fn a_new_journal_takes_the_place_of_all_that_are_in_doubt() {
        let (directory, old) = directory();
        fs::write(directory.path().join("10.jnl"), "more").expect("written");
        doubt(directory.path());
        assert!(is_in_doubt(directory.path()));
        renew(directory.path()).expect("renewed");
        assert!(!is_in_doubt(directory.path()));
        assert!(!old.exists());
        assert_eq!(journals(directory.path()).expect("listed"), [directory.path().join("11.jnl")]);
        assert_eq!(length(&directory.path().join("11.jnl")), 0);
    }

    #[test]
    fn a_journal_among_others_is_not_taken() {
        let (directory, _) = directory();
        fs::write(directory.path().join("6.jnl"), "").expect("written");
        assert!(find(&directory).is_none());
    }
}
