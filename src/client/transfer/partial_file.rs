//! A file that gets its name only when it is complete.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::named_file::directory_of;

/// A file being written, named with `.partial` at the end. If it is dropped before it is complete,
/// it is removed.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    path: PathBuf,
    partial: PathBuf,
    /// The file that is replaced; its owner and mode are kept.
    replaced: Option<File>,
    finished: bool,
}

impl PartialFile {
    /// Creates the file, readable for its owner alone. `path` must not be a symbolic link. A file
    /// at `path` that the caller may not write is an error.
    pub(crate) fn create(path: &Path) -> io::Result<PartialFile> {
        let replaced = match OpenOptions::new().write(true).open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let partial = with_ending(path, ".partial");
        let file = create_alone(&partial)?;
        Ok(PartialFile { file, path: path.to_owned(), partial, replaced, finished: false })
    }

    /// Synchronizes the file with the disk and gives it its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        let directory = File::open(directory_of(&self.path));
        self.give_name()?;
        match directory {
            // A writable directory need not be readable.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            directory => directory?.sync_all(),
        }
    }

    /// Gives the file its name without synchronizing it.
    pub(crate) fn give_name(mut self) -> io::Result<()> {
        let moved = self.take_over().and_then(|()| fs::rename(&self.partial, &self.path));
        match (moved, self.replaced.take()) {
            (Ok(()), _) => {
                self.finished = true;
                Ok(())
            }
            // The owner cannot be kept, or the file is a mount point or another user's in a sticky
            // directory: its content is replaced instead.
            (Err(error), Some(mut replaced)) if is_refusal(&error) => {
                self.file.rewind()?;
                replaced.set_len(0)?;
                io::copy(&mut self.file, &mut replaced)?;
                replaced.sync_all()
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Applies the owner and mode of the file that is replaced.
    fn take_over(&self) -> io::Result<()> {
        let Some(replaced) = &self.replaced else { return Ok(()) };
        let (wanted, given) = (replaced.metadata()?, self.file.metadata()?);
        if (wanted.uid(), wanted.gid()) != (given.uid(), given.gid()) {
            fchown(&self.file, Some(wanted.uid()), Some(wanted.gid()))?;
        }
        self.file.set_permissions(Permissions::from_mode(wanted.mode() & 0o777))
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// `path` with `ending` appended to its name.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Whether the system does not permit one file to replace another.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::InvalidFilename
    )
}

/// Creates `partial` and locks it. A regular file left by a killed process is removed. Any other
/// file there, or a file that another process writes, is an error.
fn create_alone(partial: &Path) -> io::Result<File> {
    let create =
        || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(partial);
    let in_the_way = |why: &str| {
        io::Error::new(io::ErrorKind::AlreadyExists, format!("{} {why}", partial.display()))
    };
    let file = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let own = rustix::process::geteuid().as_raw();
            let found = fs::symlink_metadata(partial)?;
            if !found.is_file() || found.uid() != own {
                return Err(in_the_way("is in the way"));
            }
            let left =
                OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(partial)?;
            match left.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(in_the_way("is being written by another process"));
                }
                Err(TryLockError::Error(error)) => return Err(error),
                Ok(()) => fs::remove_file(partial)?,
            }
            create()?
        }
        created => created?,
    };
    match file.try_lock() {
        Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_no_place_for_the_partial_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("pairs"), dir.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, with_ending(&path, ".partial")).unwrap();
        assert!(PartialFile::create(&path).is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }

    #[test]
    fn what_a_killed_process_left_is_replaced_and_a_second_writer_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pairs");
        fs::write(with_ending(&path, ".partial"), "left").unwrap();
        let mut first = PartialFile::create(&path).unwrap();
        let second = PartialFile::create(&path).unwrap_err().to_string();
        assert!(second.ends_with("is being written by another process"), "{second}");
        first.write_all(b"whole").unwrap();
        first.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
