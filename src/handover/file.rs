//! The file that holds the state of all connections.
//!
//! [`MAGIC`], the format's number (32 bits, little-endian), the head, then a record for each
//! connection; head and records are `MessagePack` maps with their length (32 bits, little-endian)
//! before them. A reader passes over fields it does not know, takes formats up to its own, and
//! refuses later ones.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::Record;

/// The first bytes of the file.
const MAGIC: &[u8; 16] = b"kvsock handover\n";
/// The format that is written, and the highest that is read.
pub const FORMAT: u32 = 1;

/// The facts common to all connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the daemon that wrote the file.
    pub version: String,
    /// The number of records that follow.
    pub connections: u32,
    /// The highest number that was given to a client.
    pub newest_client: u64,
}

/// Why a file or one of its records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file is of another kind.
    #[error("it is no state of connections")]
    Foreign,
    /// A later version of kvsock wrote the file.
    #[error("it has format {0}, and this version reads formats up to {FORMAT}")]
    Later(u32),
    /// The file is shorter than its lengths say.
    #[error("it ends too early")]
    Short,
    /// A part does not decode.
    #[error("it is malformed: {0}")]
    Malformed(#[from] rmp_serde::decode::Error),
    /// The system cannot read the file.
    #[error(transparent)]
    Io(io::Error),
}

/// The records of a file, in order. A malformed record does not prevent the next from being read.
#[derive(Debug)]
pub struct Records<R> {
    file: R,
    left: u32,
}

/// Writes the state of all connections. Each record is dropped once it is written, so that memory
/// holds it only once.
pub fn write(
    file: &mut impl Write,
    newest_client: u64,
    records: impl ExactSizeIterator<Item = Record>,
) -> io::Result<()> {
    let head = Head {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        connections: u32::try_from(records.len()).map_err(io::Error::other)?,
        newest_client,
    };
    file.write_all(MAGIC)?;
    file.write_all(&FORMAT.to_le_bytes())?;
    write_part(file, &head)?;
    for record in records {
        write_part(file, &record)?;
    }
    Ok(())
}

fn write_part(file: &mut impl Write, part: &impl Serialize) -> io::Result<()> {
    let bytes = rmp_serde::to_vec_named(part).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(&bytes)
}

/// Reads the head of a file that [`write()`] wrote, in this version or an earlier one.
pub fn read<R: Read>(mut file: R) -> Result<(Head, Records<R>), Unreadable> {
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).map_err(|_| Unreadable::Foreign)?;
    if magic != *MAGIC {
        return Err(Unreadable::Foreign);
    }
    match read_number(&mut file)? {
        0 => return Err(Unreadable::Foreign),
        1..=FORMAT => {}
        later => return Err(Unreadable::Later(later)),
    }
    let head: Head = read_part(&mut file)?;
    let left = head.connections;
    Ok((head, Records { file, left }))
}

fn read_part<T: DeserializeOwned>(file: &mut impl Read) -> Result<T, Unreadable> {
    let length = u64::from(read_number(file)?);
    // The buffer grows with the bytes that arrive, not with the announced length.
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(Unreadable::Io)?;
    if bytes.len() as u64 != length {
        return Err(Unreadable::Short);
    }
    Ok(rmp_serde::from_slice(&bytes)?)
}

fn read_number(file: &mut impl Read) -> Result<u32, Unreadable> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Unreadable::Short,
        _ => Unreadable::Io(error),
    })?;
    Ok(u32::from_le_bytes(bytes))
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = read_part(&mut self.file);
        if matches!(record, Err(Unreadable::Short | Unreadable::Io(_))) {
            self.left = 0;
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_bytes::ByteBuf;

    use super::*;
    use crate::handover::{ClientRecord, KeySpace, TransactionRecord};
    use crate::message::Protocol;
    use crate::protocol::Progress;

    /// A file that version 0.1.0 wrote. Every later version must read it.
    const FIRST: &[u8] = include_bytes!("../../tests/handover/format-1.bin");

    fn records() -> Vec<Record> {
        let plain = Record {
            protocol: None,
            progress: Progress::Request,
            input: ByteBuf::new(),
            output: ByteBuf::new(),
            is_closing: false,
            client: ClientRecord { id: 1, ..ClientRecord::default() },
            transaction: None,
            has_watched: false,
            keys: KeySpace::Own,
        };
        let full = Record {
            protocol: Some(Protocol::Resp3),
            progress: Progress::RefusedData { length: 7, left: 3 },
            input: ByteBuf::from(b"*1\r\n$4\r\npi".to_vec()),
            output: ByteBuf::from(b"$5\r\nhel\0\xff\r\n".to_vec()),
            is_closing: true,
            client: ClientRecord {
                id: u64::MAX,
                name: ByteBuf::from(b"name".to_vec()),
                library: ByteBuf::from(b"lib".to_vec()),
                library_version: ByteBuf::from(b"1.2".to_vec()),
                command: "client list".to_owned(),
                commands: 12,
                age: Duration::from_millis(12_345),
                idle: Duration::from_nanos(1),
            },
            transaction: Some(TransactionRecord {
                requests: vec![vec![ByteBuf::from(b"get".to_vec()), ByteBuf::from(vec![0, 255])]],
                is_spoilt: true,
            }),
            has_watched: true,
            keys: KeySpace::User(1000),
        };
        let with = |protocol, progress, keys| Record { protocol, progress, keys, ..plain.clone() };
        vec![
            full,
            with(Some(Protocol::Text), Progress::Lines, KeySpace::All),
            with(Some(Protocol::Text), Progress::RefusedLine { dropped: 0 }, KeySpace::Own),
            with(Some(Protocol::Resp2), Progress::RefusedLength { left: 9 }, KeySpace::Own),
            plain.clone(),
        ]
    }

    fn written() -> Vec<u8> {
        let mut file = Vec::new();
        write(&mut file, 77, records().into_iter()).expect("written");
        file
    }

    #[test]
    fn what_was_written_is_read_again() {
        let file = written();
        let (head, found) = read(&file[..]).expect("readable");
        assert_eq!((head.connections, head.newest_client), (5, 77));
        let found: Vec<Record> = found.map(|record| record.expect("readable")).collect();
        assert_eq!(found, records());
    }

    #[test]
    fn what_the_first_version_wrote_is_still_read() {
        let (head, found) = read(FIRST).expect("readable");
        assert_eq!((head.version.as_str(), head.newest_client), ("0.1.0", 77));
        let found: Vec<Record> = found.map(|record| record.expect("readable")).collect();
        assert_eq!(found, records());
    }

    #[test]
    fn a_later_format_and_a_foreign_file_are_refused() {
        let mut file = written();
        file[MAGIC.len()] = 2;
        assert!(matches!(read(&file[..]), Err(Unreadable::Later(2))));
        file[MAGIC.len()] = 0;
        assert!(matches!(read(&file[..]), Err(Unreadable::Foreign)));
        assert!(matches!(read(&b"#!/bin/sh\n"[..]), Err(Unreadable::Foreign)));
        assert!(matches!(read(&b"something else that is longer"[..]), Err(Unreadable::Foreign)));
    }

    #[test]
    fn a_file_cut_off_anywhere_gives_an_error_and_no_wrong_record() {
        let (file, records) = (written(), records());
        for length in 0..file.len() {
            let Ok((_, found)) = read(&file[..length]) else { continue };
            let found: Vec<_> = found.collect();
            let (last, whole) = found.split_last().expect("one that is cut off");
            assert!(matches!(last, Err(Unreadable::Short)), "{last:?} at {length}");
            for (found, record) in whole.iter().zip(&records) {
                assert_eq!(found.as_ref().expect("whole"), record);
            }
        }
    }

    #[test]
    fn one_malformed_record_leaves_the_others() {
        let mut file = written();
        let at = file.windows(8).position(|bytes| bytes == b"progress").expect("a field");
        file[at] = b'x';
        let (_, found) = read(&file[..]).expect("readable");
        let found: Vec<_> = found.collect();
        assert!(matches!(found[0], Err(Unreadable::Malformed(_))));
        for (found, record) in found[1..].iter().zip(&records()[1..]) {
            assert_eq!(found.as_ref().expect("whole"), record);
        }
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        #[derive(Serialize)]
        struct Later {
            version: String,
            connections: u32,
            newest_client: u64,
            weather: Vec<String>,
        }
        let head = Later {
            version: "9".to_owned(),
            connections: 0,
            newest_client: 1,
            weather: vec!["sunny".to_owned()],
        };
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&FORMAT.to_le_bytes());
        write_part(&mut file, &head).expect("written");
        assert_eq!(read(&file[..]).expect("readable").0.version, "9");
    }
}
