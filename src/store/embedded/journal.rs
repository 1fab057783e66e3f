//! The database's journal at an orderly end.
//!
//! Opening the database reads the whole journal, also what is in tables already: up to 64 MiB, which
//! takes a second or more, while the clients of a restart wait. So at the end what is not in tables
//! is written out, and the journal cut to nothing, as fjall itself leaves it when it has begun the
//! next one.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::directory::LOCK;

/// A journal shorter than this, in bytes, is read as soon as tables are written.
const LONG: u64 = 1024 * 1024;
/// The unit of [`MetadataExt::blocks`].
const BLOCK: u64 = 512;

/// The only journal of a database.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    metadata: Metadata,
}

impl Journal {
    /// The journal of the database in `directory`; none, where there are older ones beside it, which
    /// hold something that is in no table yet.
    pub(super) fn find(directory: &Path) -> io::Result<Option<Journal>> {
        let mut found = None;
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jnl")
                && found.replace(path).is_some()
            {
                return Ok(None);
            }
        }
        let Some(path) = found else { return Ok(None) };
        let metadata = fs::metadata(&path)?;
        Ok(Some(Journal { path, metadata }))
    }

    /// Whether reading it takes longer than making do without it.
    pub(super) fn is_long(&self) -> bool {
        self.metadata.blocks() * BLOCK >= LONG
    }

    /// Cuts it to nothing. The database must be closed, and all of it be in tables. Does nothing when
    /// it has changed since it was found, as somebody else has opened the database then.
    pub(super) fn cut(&self) -> io::Result<()> {
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

/// What every opening of the database and every write changes.
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
    fn a_journal_among_others_is_not_taken() {
        let (directory, _) = directory();
        fs::write(directory.path().join("6.jnl"), "").expect("written");
        assert!(find(&directory).is_none());
    }
}
