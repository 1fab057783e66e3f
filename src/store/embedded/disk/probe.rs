//! Probes that tell whether there are room and descriptors again, without touching the database.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Writes `len` bytes to an unnamed file in `directory`, syncs the file, and closes it.
///
/// On a file system without unnamed files this succeeds without a probe. The next write to the
/// database shows whether there is room.
pub(crate) fn write(directory: &Path, len: usize) -> io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // Some file systems do not store zeros.
    let block = [0x5a; 16 * 1024];
    let mut left = len;
    while left > 0 {
        let part = left.min(block.len());
        file.write_all(&block[..part])?;
        left -= part;
    }
    file.sync_data()
}

/// The number of descriptors that opening the database may need beside those that closing it frees.
const SPARE: usize = 8;

/// Opens as many descriptors as opening the database again may need, and closes them.
pub(crate) fn descriptors(directory: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |_| rustix::fs::open(directory, flags, Mode::empty());
    (0..SPARE).map(open).collect::<Result<Vec<OwnedFd>, _>>()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_probe_leaves_nothing_behind() {
        let directory = tempfile::tempdir().expect("temporary directory");
        super::write(directory.path(), 100_000).expect("room");
        assert_eq!(directory.path().read_dir().expect("listing").count(), 0);
    }

    #[test]
    fn a_directory_that_is_gone_is_an_error() {
        super::write(std::path::Path::new("/nowhere/at/all"), 1).expect_err("no directory");
    }
}
