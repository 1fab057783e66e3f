//! A file that appears under its name when it is whole, and never before.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file in the making, named with `.partial` at the end. Dropped before it is finished, it is
/// removed.
#[derive(Debug)]
pub(super) struct PartialFile {
    file: File,
    path: PathBuf,
    partial: PathBuf,
    finished: bool,
}

impl PartialFile {
    /// Begins it, for its owner's eyes alone.
    pub(super) fn create(path: &Path) -> io::Result<PartialFile> {
        let partial = with_ending(path, ".partial");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        Ok(PartialFile { file, path: path.to_owned(), partial, finished: false })
    }

    /// Gives it its name, once it is on the disk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.partial, &self.path)?;
        self.finished = true;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
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
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

/// `path` with `ending` after its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
