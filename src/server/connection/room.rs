//! The buffer for a connection's next read: its size and its origin.
//!
//! The size follows the last reads, so that one read takes a whole batch. Requests are slices of
//! the buffer: arguments and values are not copied.

use std::cell::RefCell;

use bytes::BytesMut;

/// The room for a read of a client that sends little at a time.
pub(crate) const LEAST: usize = 4 * 1024;
/// The room for a read of a client that sends much.
pub(crate) const MOST: usize = 256 * 1024;
/// The number of spare buffers that are kept.
const KEPT: usize = 64;

thread_local! {
    /// Spare buffers of the least size. A request may still be a slice of one: then the buffer has
    /// no room, and is dropped when it is taken.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Makes room in `input` for a read of `room` bytes.
pub(crate) fn make(input: &mut BytesMut, room: usize) {
    if room == LEAST
        && input.capacity() == 0
        && let Some(spare) = SPARE.with_borrow_mut(Vec::pop)
    {
        *input = spare;
    }
    input.reserve(room);
}

/// Moves `input` out of the buffer that it shares with long requests. Short requests after them may
/// wait for a while, and would keep all of that buffer in memory.
pub(crate) fn part(input: &mut BytesMut) {
    *input = BytesMut::from(&input[..]);
}

/// Takes back an empty buffer of `room` bytes.
pub(crate) fn take_back(input: BytesMut, room: usize) {
    if room == LEAST && input.capacity() > 0 {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(input);
            }
        });
    }
}

/// The room for the next read, after a read of `count` bytes into `room`. For equal amounts it
/// settles where one read takes all, with little room to spare.
pub(crate) fn after(count: usize, room: usize) -> usize {
    let next = match count {
        _ if count >= room => 4 * room,
        _ if count < room / 4 => room / 2,
        _ => room,
    };
    next.clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_serves_the_next_connection_once_no_request_lies_in_it() {
        let mut first = BytesMut::new();
        make(&mut first, LEAST);
        let place = first.as_ptr();
        first.extend_from_slice(b"request");
        let request = first.split().freeze();
        take_back(first, LEAST);
        drop(request);
        let mut second = BytesMut::new();
        make(&mut second, LEAST);
        assert!(second.as_ptr() == place && second.capacity() >= LEAST);
        second.extend_from_slice(b"another");
        let request = second.split().freeze();
        take_back(second, LEAST);
        let mut third = BytesMut::new();
        make(&mut third, LEAST);
        third.extend_from_slice(&[b'x'; LEAST]);
        assert_eq!(request, "another");
        for _ in 0..2 * KEPT {
            take_back(BytesMut::with_capacity(LEAST), LEAST);
            take_back(BytesMut::with_capacity(MOST), MOST);
        }
        let kept = SPARE.take();
        assert_eq!(kept.len(), KEPT);
        assert!(kept.iter().all(|spare| spare.capacity() <= LEAST));
    }

    #[test]
    fn what_comes_again_and_again_is_read_at_once_into_room_that_fits() {
        for burst in [10, 4140, 66_000, 250_000] {
            let (mut room, mut reads) = (LEAST, 0);
            for _ in 0..20 {
                reads = 0;
                let mut left = burst;
                while left > 0 {
                    let count = left.min(room);
                    room = after(count, room);
                    (left, reads) = (left - count, reads + 1);
                }
            }
            assert_eq!(reads, 1, "{burst}");
            assert!(room <= LEAST.max(4 * burst), "{burst}: {room}");
        }
        let quiet = (0..10).fold(MOST, |room, _| after(10, room));
        assert_eq!(quiet, LEAST);
    }
}
