//! Looks at the directory of an embedded store without opening the database, for
//! `kvsockd --check=store`: a daemon may have it open, or may be about to open it.

use std::fs;
use std::io;
use std::os::linux::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat, statvfs};

use super::disk::directory::{self, LOCK, VERSION};
use crate::store::check::{Check, CheckFault};

/// Looks at the directory at `path`.
pub(in crate::store) fn check(path: &Path) -> Check {
    let (mut check, name) = (Check::default(), format!("embedded store {}", path.display()));
    if let Err(error) = look_at(path, &name, &mut check) {
        check.faults.push(CheckFault::Io(format!("{name}: {error}")));
    }
    check
}

fn look_at(path: &Path, name: &str, check: &mut Check) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(directory) if !directory.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let place = path.ancestors().skip(1).find(|it| it.exists()).unwrap_or(Path::new("/"));
            is_usable(place).map_err(|error| within(place, &error))?;
            check.found(name, "does not exist yet; kvsockd creates it");
            return told_room(place, name, check);
        }
        Err(error) => return Err(error),
    }
    is_usable(path)?;
    if !directory::is_ours(path)? {
        let why = "the directory holds other files and no database";
        return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, why));
    }
    let is_whole = fs::metadata(path.join(VERSION)).is_ok_and(|version| version.len() > 0);
    check.found(name, if is_whole { "has a database" } else { "has no database yet" });
    if let Some(holder) = holder(&path.join(LOCK)) {
        check.found(name, &format!("is open in process {holder}"));
    }
    told_room(path, name, check)
}

/// Whether this process may list, change and enter the directory.
fn is_usable(directory: &Path) -> io::Result<()> {
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    Ok(accessat(CWD, directory, all, AtFlags::EACCESS)?)
}

fn within(directory: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
}

fn told_room(directory: &Path, name: &str, check: &mut Check) -> io::Result<()> {
    let system = statvfs(directory)?;
    let free = system.f_bavail.saturating_mul(system.f_frsize) / (1024 * 1024);
    check.found(name, &format!("{free} MiB are free"));
    Ok(())
}

/// The process that has locked the file, as far as `/proc/locks` tells (proc(5)). To try the lock
/// would take it for a moment, in which a daemon could not start.
fn holder(lock: &Path) -> Option<String> {
    let file = fs::metadata(lock).ok()?;
    let device = file.st_dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let place = format!("{major:02x}:{minor:02x}:{}", file.st_ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let mut holders = locks.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (kind, _, _) = (words.next()?, words.next()?, words.next()?);
        let (process, locked) = (words.next()?, words.next()?);
        (kind == "FLOCK" && locked == place).then(|| process.to_owned())
    });
    holders.next()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::store::embedded::disk::database::Database;

    fn contents(directory: &Path) -> Vec<(std::ffi::OsString, u64)> {
        let entries = fs::read_dir(directory).expect("a directory");
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.expect("an entry");
            (entry.file_name(), entry.metadata().expect("there").len())
        };
        let mut contents: Vec<_> = entries.map(entry).collect();
        contents.sort();
        contents
    }

    #[test]
    fn a_look_changes_nothing_and_takes_no_lock() {
        let home = tempfile::tempdir().expect("temporary directory");
        let path = home.path().join("db");
        let told = check(&path);
        assert_eq!(told.faults, []);
        assert!(told.found[0].contains("does not exist yet"), "{told:?}");
        assert!(!path.exists());
        let database = Database::open(&path).expect("created");
        let before = contents(&path);
        let told = check(&path);
        assert_eq!(told.faults, []);
        assert!(told.found.iter().any(|it| it.ends_with("has a database")), "{told:?}");
        assert_eq!(contents(&path), before);
        drop(database);
        assert_eq!(check(&path).faults, []);
        Database::open(&path).map(drop).expect("opened again");
    }

    #[test]
    fn a_place_that_cannot_hold_a_database_is_a_fault() {
        let home = tempfile::tempdir().expect("temporary directory");
        let file = home.path().join("file");
        File::create(&file).expect("created");
        for path in [&file, &file.join("db"), &home.path().to_owned()] {
            let told = check(path);
            assert!(matches!(told.faults[..], [CheckFault::Io(_)]), "{told:?}");
        }
    }
}
