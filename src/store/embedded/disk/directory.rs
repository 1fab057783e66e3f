//! The database's directory: private to its owner, and either empty or with a whole database.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::fault::Fault;

// The file names of fjall, in the order in which fjall creates a database.
pub(crate) const LOCK: &str = "lock";
const KEYSPACES: &str = "keyspaces";
const FIRST_JOURNAL: &str = "0.jnl";
pub(crate) const VERSION: &str = "version";

/// Makes `directory` ready for the database to be opened or created there.
pub(crate) fn prepare(directory: &Path) -> Result<(), Fault> {
    make_private(directory)?;
    remove_unfinished(directory)
}

/// Creates `directory` with access for its owner only, or removes the access of all others. A
/// directory with other files, such as `/tmp`, is left unchanged.
///
/// The mode of the directory guards the files, too: fjall creates them with the mode that the umask
/// leaves.
fn make_private(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !is_ours(directory)? {
        let why = "the directory holds other files and no database";
        return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, why));
    }
    let mode = fs::metadata(directory)?.permissions().mode();
    if mode & 0o777 != 0o700 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Removes the files of a process that died while it created the database. fjall would take them
/// neither for a database nor for an empty directory. Such a process never stored anything.
fn remove_unfinished(directory: &Path) -> Result<(), Fault> {
    let version = directory.join(VERSION);
    if fs::metadata(&version).is_ok_and(|it| it.len() > 0) {
        return Ok(());
    }
    let lock = match File::options().write(true).open(directory.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Fault::Locked),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let journal = directory.join(FIRST_JOURNAL);
    if !is_empty(&directory.join(KEYSPACES))? || !is_unwritten(&journal)? {
        return Err(Fault::Damaged("its version marker is missing".to_owned()));
    }
    for file in [journal, version] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the directory holds a database, whole or begun, or only the entries of a new file
/// system.
pub(crate) fn is_ours(directory: &Path) -> io::Result<bool> {
    if [VERSION, LOCK, FIRST_JOURNAL, KEYSPACES].iter().any(|name| directory.join(name).exists()) {
        return Ok(true);
    }
    for entry in fs::read_dir(directory)? {
        if entry?.file_name() != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_empty(directory: &Path) -> io::Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether a journal is absent or begins with a zero, as an unwritten journal does.
fn is_unwritten(journal: &Path) -> io::Result<bool> {
    let mut first = [0];
    match File::open(journal) {
        Ok(mut file) => Ok(file.read(&mut first)? == 0 || first == [0]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::disk::database::Database;

    #[test]
    fn a_creation_that_was_cut_short_is_begun_anew() {
        let files = [LOCK, FIRST_JOURNAL, VERSION];
        for created in 0..=files.len() {
            let home = tempfile::tempdir().expect("temporary directory");
            for name in &files[..created] {
                File::create_new(home.path().join(name)).expect("file");
            }
            Database::open(home.path()).map(drop).expect("created");
            Database::open(home.path()).map(drop).expect("opened again");
        }
    }

    #[test]
    fn a_directory_of_other_files_keeps_its_mode_and_gets_no_database() {
        let home = tempfile::tempdir().expect("temporary directory");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        fs::create_dir(home.path().join("lost+found")).expect("created");
        fs::write(home.path().join("letter"), "").expect("written");
        Database::open(home.path()).map(drop).expect_err("another directory");
        let mode = || fs::metadata(home.path()).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o755);
        assert_eq!(fs::read_dir(home.path()).expect("readable").count(), 2);
        fs::remove_file(home.path().join("letter")).expect("removed");
        Database::open(home.path()).map(drop).expect("created");
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn a_database_without_its_version_is_not_touched() {
        let home = tempfile::tempdir().expect("temporary directory");
        Database::open(home.path()).map(drop).expect("created");
        fs::remove_file(home.path().join(VERSION)).expect("removed");
        let fault = Database::open(home.path()).map(drop).expect_err("no database");
        assert!(matches!(fault, Fault::Damaged(_)), "{fault}");
        assert!(home.path().join(FIRST_JOURNAL).exists());
    }
}
