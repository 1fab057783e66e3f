//! The database's journal at an orderly end, and after a failure.
//!
//! After a failed sync the kernel takes the bytes for written, and reads them back for as long as it
//! has them in memory; after a loss of power the journal ends before them, and before all that was
//! appended since. So after a failure what was read back is written to tables, and another journal
//! begins ([`renew`]). A file in the directory tells a later process that this is due ([`doubt`]).
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

/// How the names of journals end; before it is their number.
const EXTENSION: &str = "jnl";
/// A journal shorter than this, in bytes, is read as soon as tables are written.
const LONG: u64 = 1024 * 1024;
/// The unit of [`MetadataExt::blocks`].
const BLOCK: u64 = 512;

/// The name of the file that says that the journal may not be on the disk.
const DOUBT: &str = "journal-in-doubt";

/// Notes that the journals of the database in `directory` may not be on the disk as they are read.
///
/// The file need not be synced: a loss of power shows what is on the disk.
pub(crate) fn doubt(directory: &Path) {
    if let Err(error) = File::create(directory.join(DOUBT)) {
        tracing::debug!(%error, "the doubt about the journal of the embedded store is not noted");
    }
}

/// Whether [`doubt`] was noted, and no journal begun since.
pub(crate) fn is_in_doubt(directory: &Path) -> bool {
    directory.join(DOUBT).exists()
}

/// Begins another journal in place of all there are. The database must be closed, and all of it be
/// in tables.
pub(crate) fn renew(directory: &Path) -> io::Result<()> {
    let lock = File::options().write(true).open(directory.join(LOCK))?;
    lock.try_lock()?;
    let sync = || File::open(directory)?.sync_all();
    let old = journals(directory)?;
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let next = old.iter().filter_map(number).max().map_or(0, |last| last + 1);
    File::create_new(directory.join(format!("{next}.{EXTENSION}")))?.sync_all()?;
    // Without any journal the database would begin its sequence numbers anew.
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
    /// The journal of the database in `directory`; none, where there are older ones beside it, which
    /// hold something that is in no table yet.
    pub(crate) fn find(directory: &Path) -> io::Result<Option<Journal>> {
        let mut found = journals(directory)?;
        let (Some(path), true) = (found.pop(), found.is_empty()) else { return Ok(None) };
        let metadata = fs::metadata(&path)?;
        Ok(Some(Journal { path, metadata }))
    }

    /// Whether reading it takes longer than making do without it.
    pub(crate) fn is_long(&self) -> bool {
        self.metadata.blocks() * BLOCK >= LONG
    }

    /// Cuts it to nothing. The database must be closed, and all of it be in tables. Does nothing when
    /// it has changed since it was found, as somebody else has opened the database then.
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
