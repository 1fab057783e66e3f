//! The destination of an export.
//!
//! A regular file gets its name when it is complete. Devices, FIFOs and descriptors are written in
//! place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::named_file::NamedFile;
use super::partial_file::{PartialFile, is_refusal};

/// A destination that is open.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A file that gets its name at the end.
    Whole(PartialFile),
    /// A file that is written in place.
    InPlace(File),
}

impl Destination {
    /// Opens the file at `path`.
    pub(crate) fn open(path: &NamedFile) -> io::Result<Destination> {
        match path {
            NamedFile::New(path) => PartialFile::create(path).map(Destination::Whole),
            NamedFile::Regular(path) => match PartialFile::create(path) {
                // The directory does not permit a new file.
                Err(error) if is_refusal(&error) => OpenOptions::new()
                    .write(true)
                    .truncate(true)
                    .open(path)
                    .map(Destination::InPlace),
                created => created.map(Destination::Whole),
            },
            NamedFile::Special(path) => open_special(path).map(Destination::InPlace),
            NamedFile::StandardOutput => {
                let own = io::stdout().as_fd().try_clone_to_owned()?;
                Ok(Destination::InPlace(own.into()))
            }
        }
    }

    /// Whether the destination is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Destination::InPlace(file) if file.is_terminal())
    }

    /// Completes the destination, and synchronizes it with the disk if there is one.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Destination::Whole(file) => file.finish(),
            Destination::InPlace(file) => match file.sync_all() {
                // Some kinds of files cannot be synchronized.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                done => done,
            },
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Whole(file) => file.write(bytes),
            Destination::InPlace(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open_special(path: &Path) -> io::Result<File> {
    // A descriptor of a regular file may have been opened for appending.
    let is_regular = fs::metadata(path)?.is_file();
    let mut options = OpenOptions::new();
    options.write(true).append(is_regular).custom_flags(libc::O_NOCTTY).open(path)
}
