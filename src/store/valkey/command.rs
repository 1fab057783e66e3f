//! Commands as bytes on their way to the server.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::protocol::resp::write_length;

/// A longer argument is handed on as it is, a shorter one copied.
pub(super) const COPIED: usize = 16 * 1024;

/// Room that is kept for what is sent next.
const KEPT: usize = 64 * 1024;

/// Slices in one write.
pub(super) const SLICES: usize = 64;

/// Commands, one after the other, as RESP has them.
#[derive(Debug, Default)]
pub(super) struct Commands {
    count: usize,
    bytes: Outgoing,
}

impl Commands {
    /// One command.
    pub(super) fn one(words: &[&[u8]]) -> Commands {
        let mut commands = Commands::default();
        commands.push(words);
        commands
    }

    /// None yet, with room for so many bytes.
    pub(super) fn with_room(bytes: usize) -> Commands {
        let bytes = Outgoing { tail: Vec::with_capacity(bytes), ..Outgoing::default() };
        Commands { count: 0, bytes }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Appends a whole command.
    pub(super) fn push(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        for word in words {
            self.word(word);
        }
    }

    /// Begins a command of so many words, its name counted, which are to follow.
    pub(super) fn begin(&mut self, words: usize) {
        self.count += 1;
        write_length(b'*', words, &mut self.bytes.tail);
    }

    /// A word of the command that was begun.
    pub(super) fn word(&mut self, word: &[u8]) {
        let tail = &mut self.bytes.tail;
        write_length(b'$', word.len(), tail);
        tail.extend_from_slice(word);
        tail.extend_from_slice(b"\r\n");
    }

    /// A word made of parts.
    pub(super) fn joined(&mut self, parts: &[&[u8]]) {
        let tail = &mut self.bytes.tail;
        write_length(b'$', parts.iter().map(|part| part.len()).sum(), tail);
        for part in parts {
            tail.extend_from_slice(part);
        }
        tail.extend_from_slice(b"\r\n");
    }

    /// A word that need not be copied.
    pub(super) fn data(&mut self, word: &Bytes) {
        if word.len() <= COPIED {
            return self.word(word);
        }
        write_length(b'$', word.len(), &mut self.bytes.tail);
        self.bytes.hand_on(word.clone());
        self.bytes.tail.extend_from_slice(b"\r\n");
    }

    /// The bytes.
    pub(super) fn into_bytes(self) -> Outgoing {
        self.bytes
    }
}

/// Bytes to be sent, in pieces.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pieces: VecDeque<Bytes>,
    /// What comes after the pieces.
    tail: Vec<u8>,
    /// Bytes of it that are sent.
    sent: usize,
}

impl Outgoing {
    /// How many bytes.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum::<usize>() + self.tail.len() - self.sent
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.len() == self.sent
    }

    /// Appends others.
    pub(super) fn append(&mut self, mut other: Outgoing) {
        if self.is_empty() && self.tail.capacity() < other.tail.capacity() {
            *self = other;
            return;
        }
        if !other.pieces.is_empty() {
            self.end_piece();
            self.pieces.append(&mut other.pieces);
        }
        self.tail.extend_from_slice(&other.tail);
    }

    /// The first pieces, for one write.
    pub(super) fn slices(&self) -> ([IoSlice<'_>; SLICES], usize) {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let pieces = self.pieces.iter().map(AsRef::as_ref).chain([&self.tail[self.sent..]]);
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces.filter(|piece| !piece.is_empty())) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        (slices, count)
    }

    /// So many bytes are sent.
    pub(super) fn advance(&mut self, mut sent: usize) {
        while let Some(piece) = self.pieces.front_mut() {
            let of_it = sent.min(piece.len());
            piece.advance(of_it);
            sent -= of_it;
            if !piece.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.sent += sent;
        if self.sent == self.tail.len() {
            self.sent = 0;
            self.tail.clear();
            self.tail.shrink_to(KEPT);
        }
    }

    fn hand_on(&mut self, piece: Bytes) {
        self.end_piece();
        self.pieces.push_back(piece);
    }

    fn end_piece(&mut self) {
        if !self.tail.is_empty() {
            let mut piece = Bytes::from(std::mem::take(&mut self.tail));
            piece.advance(std::mem::take(&mut self.sent));
            self.pieces.push_back(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(mut bytes: Outgoing, step: usize) -> Vec<u8> {
        let mut sent = Vec::new();
        while !bytes.is_empty() {
            let (slices, count) = bytes.slices();
            let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = step.min(all.len());
            sent.extend_from_slice(&all[..taken]);
            bytes.advance(taken);
        }
        assert_eq!(bytes.len(), 0);
        sent
    }

    #[test]
    fn commands_are_sent_as_they_were_written_whatever_one_write_takes() {
        let long = Bytes::from(vec![b'x'; COPIED + 1]);
        for step in [1, 3, 1000, 100_000] {
            let mut first = Commands::one(&[b"GET", b"k"]);
            first.begin(3);
            first.word(b"SET");
            first.joined(&[b"p:", b"k"]);
            first.data(&long);
            let mut second = Commands::default();
            second.begin(2);
            second.word(b"ECHO");
            second.data(&Bytes::from_static(b""));
            assert_eq!((first.count(), second.count()), (2, 1));
            let mut bytes = first.into_bytes();
            bytes.append(second.into_bytes());
            let long = String::from_utf8(long.to_vec()).expect("letters");
            let expected = format!(
                "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*3\r\n$3\r\nSET\r\n$3\r\np:k\r\n${}\r\n{long}\r\n\
                 *2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
                COPIED + 1
            );
            assert_eq!(bytes.len(), expected.len());
            assert_eq!(sent(bytes, step), expected.as_bytes(), "by {step}");
        }
    }
}
