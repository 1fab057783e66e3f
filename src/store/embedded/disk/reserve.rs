//! The reserve: a file whose blocks are allocated, so that removals find room on a full disk. When
//! the disk is full, the reserve is given up, and removals can be written and tables merged. It is
//! taken again when there is enough room.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

const NAME: &str = "reserve";
/// The most bytes of the reserve: enough to merge the tables of a few memtables with the level
/// below.
const MOST: u64 = 160 * 1024 * 1024;
/// The reserve takes at most this fraction of the file system.
const SHARE: u64 = 8;

/// The reserve of one database.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    len: u64,
}

impl Reserve {
    /// The reserve of the database in `directory`. Its size follows from the file system's size.
    pub(crate) fn new(directory: &Path) -> Reserve {
        let len = statvfs(directory).map_or(0, |stat| stat.f_blocks * stat.f_frsize / SHARE);
        Reserve { path: directory.join(NAME), len: len.min(MOST) }
    }

    /// The bytes of the reserve when it is taken.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The free bytes of the file system.
    pub(crate) fn room(&self) -> u64 {
        statvfs(self.path.with_file_name("")).map_or(0, |stat| stat.f_bavail * stat.f_frsize)
    }

    /// Whether the reserve was given up and not taken since.
    pub(crate) fn is_given_up(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() == 0)
    }

    /// Takes the reserve if `beside` bytes stay free. A file system that cannot allocate blocks has
    /// no reserve, and that is no error.
    pub(crate) fn take(&self, beside: u64) -> io::Result<()> {
        let held = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if held >= self.len {
            return Ok(());
        }
        if self.room() < self.len.saturating_add(beside) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut options = File::options();
        let file = options.create(true).write(true).truncate(true).mode(0o600).open(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, self.len) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                fs::remove_file(&self.path)
            }
            Err(error) => {
                file.set_len(0)?;
                Err(error.into())
            }
        }
    }

    /// Gives up the reserve. An empty file stays, so that the next process knows.
    pub(crate) fn give_up(&self) {
        let emptied = File::options().write(true).open(&self.path).and_then(|it| it.set_len(0));
        if let Err(error) = emptied
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the reserve of the embedded store cannot be given up");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn its_blocks_are_allocated_until_it_is_given_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let reserve = Reserve { len: 1024 * 1024, ..Reserve::new(directory.path()) };
        assert!(!reserve.is_given_up());
        for _ in 0..2 {
            reserve.take(0).expect("there is room");
            let metadata = fs::metadata(&reserve.path).expect("there");
            assert!(metadata.blocks() * 512 >= reserve.len, "{}", metadata.blocks());
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            reserve.give_up();
            assert!(reserve.is_given_up());
            assert_eq!(fs::metadata(&reserve.path).expect("there").blocks(), 0);
        }
        let error = reserve.take(u64::MAX / 2).expect_err("there is no such room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(reserve.is_given_up());
    }
}
