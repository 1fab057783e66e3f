//! The lines of an export, with their places.

use std::io::{BufRead, Read};

use super::place::Place;
use crate::client::error::ClientError;
use crate::client::transfer::record::Record;

/// The longest line: more than any value that a store accepts, with every byte escaped.
const LINE_MAX: u64 = 1 << 30;

/// A reader of records.
pub(super) struct Lines<'a> {
    input: Box<dyn BufRead + 'a>,
    /// The name of the input.
    name: &'a str,
    /// The place after the last record.
    place: Place,
    line: Vec<u8>,
}

impl<'a> Lines<'a> {
    /// Reads `input`, which begins at this offset and line of the file.
    pub(super) fn new(
        input: impl BufRead + 'a,
        name: &'a str,
        offset: u64,
        line: u64,
    ) -> Lines<'a> {
        let place = Place { offset, line };
        Lines { input: Box::new(input), name, place, line: Vec::new() }
    }

    /// The start of the next line.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The next record; empty lines are skipped. After an error, the place is that of the invalid
    /// line.
    pub(super) fn next(&mut self) -> Result<Option<Record>, ClientError> {
        loop {
            self.line.clear();
            let read = (&mut self.input).take(LINE_MAX).read_until(b'\n', &mut self.line);
            let length = read.map_err(|error| self.next_fault(error.to_string()))? as u64;
            if length == 0 {
                return Ok(None);
            }
            if length == LINE_MAX {
                return Err(self.next_fault("too long".to_owned()));
            }
            let record = match self.line.trim_ascii() {
                b"" => None,
                line => Some(Record::read(line).map_err(|fault| self.next_fault(fault))?),
            };
            self.place = Place { offset: self.place.offset + length, line: self.place.line + 1 };
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    /// An error in a line, counted from 1.
    pub(super) fn fault(&self, line: u64, fault: String) -> ClientError {
        ClientError::Line { input: self.name.to_owned(), line, fault }
    }

    fn next_fault(&self, fault: String) -> ClientError {
        self.fault(self.place.line + 1, fault)
    }
}
