//! Bytes to be sent: written text, and data that is not copied into it.
//!
//! Short data is copied into the text, and long data is sent from its own buffer. If the peer is
//! slow, the data that waits is copied, too, since a slice keeps the buffers of others in memory
//! ([`Outgoing::fit`]).

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

/// The most slices in one write: as much long data as a socket takes at a time, and the text
/// between.
const SLICES: usize = 128;

/// Bytes to be sent, in order.
#[derive(Debug, Default)]
pub struct Outgoing {
    text: Vec<u8>,
    /// Bytes of the text that are sent already.
    sent: usize,
    /// Data, each with the number of bytes of text before it.
    pieces: VecDeque<(usize, Bytes)>,
}

impl Outgoing {
    /// No bytes yet, with room for `bytes` of text.
    pub fn with_room(bytes: usize) -> Outgoing {
        Outgoing::from(Vec::with_capacity(bytes))
    }

    /// The buffer for text.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Appends data without copying it.
    pub fn hand_on(&mut self, data: Bytes) {
        self.pieces.push_back((self.text.len(), data));
    }

    /// Appends `other`; no byte of it may be sent yet.
    pub fn append(&mut self, other: Outgoing) {
        if self.is_empty() && self.text.capacity() < other.text.capacity() {
            *self = other;
            return;
        }
        self.let_sent_go();
        let before = self.text.len();
        self.text.extend_from_slice(&other.text);
        let pieces = other.pieces.into_iter().map(|(place, data)| (before + place, data));
        self.pieces.extend(pieces);
    }

    /// The number of bytes to be sent.
    pub fn len(&self) -> usize {
        self.text.len() - self.sent + self.data_len()
    }

    /// Whether no bytes are left.
    pub fn is_empty(&self) -> bool {
        self.text.len() == self.sent && self.pieces.is_empty()
    }

    /// Bytes of memory held.
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.data_len()
    }

    /// The bytes, if all of them are text.
    pub fn only_text(&self) -> Option<&[u8]> {
        self.pieces.is_empty().then(|| &self.text[self.sent..])
    }

    /// The first bytes, as slices for one write.
    pub fn slices(&self) -> SmallVec<[IoSlice<'_>; SLICES]> {
        self.parts().take(SLICES).map(IoSlice::new).collect()
    }

    /// Removes `sent` bytes from the front.
    pub fn advance(&mut self, mut sent: usize) {
        while let Some((place, data)) = self.pieces.front_mut() {
            let of_text = sent.min(*place - self.sent);
            self.sent += of_text;
            sent -= of_text;
            let of_data = sent.min(data.len());
            data.advance(of_data);
            sent -= of_data;
            if self.sent < *place || !data.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.sent += sent;
    }

    /// Reduces the memory held to the bytes themselves, with no slice of a shared buffer, since the
    /// bytes have to wait.
    pub fn fit(&mut self) {
        if !self.pieces.is_empty() {
            let mut text = Vec::with_capacity(self.len());
            self.parts().for_each(|part| text.extend_from_slice(part));
            *self = Outgoing::from(text);
        }
        self.let_sent_go();
        if self.text.capacity() > 2 * self.text.len() {
            self.text.shrink_to_fit();
        }
    }

    /// All bytes in one buffer.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.fit();
        self.text.drain(..self.sent);
        self.text
    }

    /// The text buffer of an empty value.
    pub fn into_room(self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "nothing is lost");
        let mut room = self.text;
        room.clear();
        room
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let end = (self.text.len(), &[][..]);
        let pieces = self.pieces.iter().map(|(place, data)| (*place, &data[..])).chain([end]);
        let mut from = self.sent;
        let parts = pieces.flat_map(move |(place, data)| {
            let text = &self.text[std::mem::replace(&mut from, place)..place];
            [text, data]
        });
        parts.filter(|part| !part.is_empty())
    }

    fn data_len(&self) -> usize {
        self.pieces.iter().map(|(_, data)| data.len()).sum()
    }

    /// Drops sent text once it is most of the buffer: an output that is never empty would otherwise
    /// keep it for ever. A long rest is not worth its copy.
    fn let_sent_go(&mut self) {
        if self.sent > self.text.len() / 2 {
            let sent = std::mem::take(&mut self.sent);
            self.text.drain(..sent);
            self.pieces.iter_mut().for_each(|(place, _)| *place -= sent);
        }
    }
}

impl From<Vec<u8>> for Outgoing {
    fn from(text: Vec<u8>) -> Outgoing {
        Outgoing { text, ..Outgoing::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes up to `most` bytes of one write's slices.
    fn take(bytes: &mut Outgoing, most: usize, sent: &mut Vec<u8>) {
        let slices = bytes.slices();
        assert!(!slices.spilled());
        let text: Option<Vec<&[u8]>> = bytes.only_text().map(|text| vec![text]);
        let is_same = |text| text == slices.iter().map(|slice| &slice[..]).collect::<Vec<_>>();
        assert!(text.is_none_or(is_same));
        let before = sent.len();
        sent.extend(slices.iter().flat_map(|slice| slice.to_vec()).take(most));
        drop(slices);
        bytes.advance(sent.len() - before);
    }

    /// Alternating text and data, and the same bytes in one buffer.
    fn mixed(count: usize) -> (Outgoing, Vec<u8>) {
        let (mut bytes, mut expected) = (Outgoing::default(), Vec::new());
        for number in 0..count {
            let text = number.to_string().repeat(number % 3);
            let data = Bytes::from(format!("<{}>", number.to_string().repeat(50)));
            bytes.text().extend_from_slice(text.as_bytes());
            expected.extend_from_slice(text.as_bytes());
            expected.extend_from_slice(&data);
            bytes.hand_on(data);
        }
        bytes.text().extend_from_slice(b"end");
        expected.extend_from_slice(b"end");
        (bytes, expected)
    }

    #[test]
    fn bytes_are_sent_in_order_whatever_one_write_takes() {
        for step in [1, 2, 7, 100, 1_000_000] {
            let (mut bytes, expected) = mixed(200);
            let mut sent = Vec::new();
            while !bytes.is_empty() {
                assert_eq!(bytes.len(), expected.len() - sent.len());
                take(&mut bytes, step, &mut sent);
            }
            assert!(sent == expected, "by {step}");
            assert!(bytes.into_room().is_empty());
        }
    }

    #[test]
    fn bytes_that_wait_are_the_same_and_share_nothing() {
        for already in [0, 1, 60, 5000] {
            let (mut bytes, expected) = mixed(100);
            let mut sent = Vec::new();
            take(&mut bytes, already, &mut sent);
            bytes.fit();
            assert!(bytes.pieces.is_empty());
            assert!(bytes.capacity() <= 2 * bytes.len());
            take(&mut bytes, 10, &mut sent);
            bytes.fit();
            sent.extend(bytes.into_bytes());
            assert!(sent == expected, "after {already}");
        }
    }

    #[test]
    fn what_is_always_appended_to_stays_small() {
        let (mut bytes, mut expected, mut sent) = (Outgoing::default(), Vec::new(), Vec::new());
        for _ in 0..1000 {
            let (more, same) = mixed(20);
            bytes.append(more);
            expected.extend(same);
            while bytes.len() > 1000 {
                take(&mut bytes, 300, &mut sent);
            }
            assert!(bytes.text.len() < 10_000, "{}", bytes.text.len());
        }
        sent.extend(bytes.into_bytes());
        assert!(sent == expected);
    }
}
