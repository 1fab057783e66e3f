//! Input that is read ahead: received while replies wait for the peer, decoded once they are sent.

use std::collections::VecDeque;

use bytes::BytesMut;

/// Buffers in the order of their receipt. Each is dropped as soon as it is decoded, and none is
/// copied while more is read.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    buffers: VecDeque<BytesMut>,
    /// Bytes of memory held.
    capacity: usize,
}

impl Backlog {
    /// Whether the backlog is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }

    /// Bytes of memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The bytes of memory that a read into `room` bytes would add.
    pub(crate) fn more_for(&self, room: usize) -> usize {
        if self.buffers.back().is_some_and(has_room) { 0 } else { room }
    }

    /// Lets `read` append to the last buffer, or to a new one of `room` bytes. A buffer into which
    /// nothing was read is dropped.
    pub(crate) fn append<T>(&mut self, room: usize, read: impl FnOnce(&mut BytesMut) -> T) -> T {
        if let Some(last) = self.buffers.back_mut().filter(|last| has_room(last)) {
            return read(last);
        }
        let mut buffer = BytesMut::with_capacity(room);
        let result = read(&mut buffer);
        if !buffer.is_empty() {
            self.capacity += buffer.capacity();
            self.buffers.push_back(buffer);
        }
        result
    }

    /// Moves the oldest buffer behind `input`; false if none is left.
    pub(crate) fn refill(&mut self, input: &mut BytesMut) -> bool {
        let Some(buffer) = self.buffers.pop_front() else { return false };
        self.capacity -= buffer.capacity();
        if input.is_empty() {
            *input = buffer;
        } else {
            input.extend_from_slice(&buffer);
        }
        true
    }

    /// Drops all buffers.
    pub(crate) fn clear(&mut self) {
        *self = Backlog::default();
    }

    /// Moves all buffers behind `input`.
    pub(crate) fn drain_into(mut self, input: &mut BytesMut) {
        input.reserve(self.buffers.iter().map(BytesMut::len).sum());
        while self.refill(input) {}
    }
}

/// Whether `buffer` has room for a read.
fn has_room(buffer: &BytesMut) -> bool {
    buffer.len() < buffer.capacity()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(backlog: &mut Backlog, room: usize, bytes: &[u8]) {
        backlog.append(room, |buffer| {
            let free = buffer.capacity() - buffer.len();
            assert!(free >= bytes.len());
            buffer.extend_from_slice(bytes);
        });
    }

    #[test]
    fn input_comes_out_in_order_and_takes_the_memory_of_its_buffers() {
        let mut backlog = Backlog::default();
        append(&mut backlog, 4, b"ab");
        assert_eq!((backlog.more_for(4), backlog.capacity()), (0, 4));
        append(&mut backlog, 4, b"cd");
        assert_eq!(backlog.more_for(4), 4);
        append(&mut backlog, 8, b"efg");
        append(&mut backlog, 8, b"");
        assert_eq!(backlog.capacity(), 12);
        let mut input = BytesMut::new();
        assert!(backlog.refill(&mut input));
        assert_eq!((&input[..], backlog.capacity()), (&b"abcd"[..], 8));
        assert!(backlog.refill(&mut input) && !backlog.refill(&mut input));
        assert_eq!((&input[..], backlog.capacity()), (&b"abcdefg"[..], 0));
    }

    #[test]
    fn a_buffer_that_nothing_was_read_into_is_not_kept() {
        let mut backlog = Backlog::default();
        append(&mut backlog, 4096, b"");
        assert!(backlog.is_empty() && backlog.capacity() == 0);
        append(&mut backlog, 4096, b"x");
        let mut input = BytesMut::from(&b"before "[..]);
        backlog.drain_into(&mut input);
        assert_eq!(input, "before x");
    }
}
