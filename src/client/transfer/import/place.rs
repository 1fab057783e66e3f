//! The state file of an import: the place that the import reached, kept beside the input.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::client::error::ClientError;
use crate::client::transfer::named_file::NamedFile;
use crate::client::transfer::partial_file::{PartialFile, with_ending};

/// The bytes at the start of a file that identify it.
const FIRST_BLOCK: u64 = 4096;

/// A place in a file of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The number of bytes before the place.
    pub(super) offset: u64,
    /// The number of lines before the place.
    pub(super) line: u64,
}

impl Place {
    /// The start of a file.
    pub(super) const START: Place = Place { offset: 0, line: 0 };
}

/// A file to import, with its state file.
#[derive(Debug)]
pub(super) struct Source {
    note: PathBuf,
    size: u64,
    first_block: String,
}

/// The content of the state file.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    size: u64,
    first_block: String,
    #[serde(flatten)]
    place: Place,
}

impl Source {
    /// Reads the identity of the file. The file's position is undefined afterwards.
    pub(super) fn of(path: &Path, file: &mut File) -> io::Result<Source> {
        let mut block = Vec::new();
        file.take(FIRST_BLOCK).read_to_end(&mut block)?;
        let size = file.metadata()?.len();
        let note = note_beside(path)?;
        Ok(Source { note, size, first_block: format!("{:016x}", fnv1a(&block)) })
    }

    /// The size of the file in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The place where the last import of this file stopped; the start if there was none.
    pub(super) fn resume(&self) -> Result<Place, ClientError> {
        let note = match std::fs::read(&self.note) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::START),
            Err(error) => return Err(self.failed(error)),
        };
        let other = |why: &str| {
            let note = self.note.display();
            ClientError::Resume(format!("{note} {why}; import without --resume"))
        };
        let note: Note = serde_json::from_slice(&note).map_err(|_| other("makes no sense"))?;
        if (note.size, &note.first_block) != (self.size, &self.first_block) {
            return Err(other("is about another file, or the file has changed since"));
        }
        Ok(note.place)
    }

    /// Records that all pairs before `place` are stored.
    pub(super) fn keep(&mut self, place: Place) -> Result<(), ClientError> {
        let note = Note { size: self.size, first_block: self.first_block.clone(), place };
        let note = serde_json::to_vec(&note).expect("numbers and texts have a JSON form");
        let keep = || {
            let mut file = PartialFile::create(&self.note)?;
            file.write_all(&note)?;
            file.give_name()
        };
        keep().map_err(|error| self.failed(error))
    }

    /// Removes the state file of a complete import.
    pub(super) fn forget(&self) -> Result<(), ClientError> {
        match std::fs::remove_file(&self.note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> ClientError {
        ClientError::File { path: self.note.clone(), source }
    }
}

/// The path of the state file of `path`, with symbolic links followed. Since the file is replaced
/// and removed, anything but a regular file there is an error.
fn note_beside(path: &Path) -> io::Result<PathBuf> {
    let note = with_ending(path, ".import-state");
    match NamedFile::at(&note) {
        Ok(NamedFile::New(note) | NamedFile::Regular(note)) => Ok(note),
        Ok(NamedFile::Special(_) | NamedFile::StandardOutput) => {
            Err(io::Error::other(format!("{} is not a regular file", note.display())))
        }
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", note.display()))),
    }
}

/// The 64-bit FNV-1a hash: the same in every version of this program.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_note_is_for_the_file_that_it_was_made_of() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pairs");
        let open = |content: &str| {
            std::fs::write(&path, content).unwrap();
            Source::of(&path, &mut File::open(&path).unwrap()).unwrap()
        };
        let mut source = open("one\ntwo\n");
        assert_eq!(source.resume().unwrap(), Place::START);
        let place = Place { offset: 4, line: 1 };
        source.keep(place).unwrap();
        assert_eq!(open("one\ntwo\n").resume().unwrap(), place);
        assert!(open("one\ntwo\nthree\n").resume().is_err());
        assert!(open("oNe\ntwo\n").resume().is_err());
        source.forget().unwrap();
        assert_eq!(open("other\n").resume().unwrap(), Place::START);
    }
}
