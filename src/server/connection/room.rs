//! The room that a connection makes for its next read: how much, and whence.

use std::cell::RefCell;

use bytes::BytesMut;

/// Room for a read of a client that sends little at a time.
pub(crate) const LEAST: usize = 4 * 1024;
/// Room for a read of one that sends much.
pub(crate) const MOST: usize = 256 * 1024;
/// Buffers that are kept for the next connections which have something to say.
const KEPT: usize = 64;

thread_local! {
    /// Buffers of the least size that no connection uses just now. A request may still be a slice of
    /// one: then there is no room in it, and it is let go of when it is asked for some.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Makes room in `input` for a read of so many bytes.
pub(crate) fn make(input: &mut BytesMut, room: usize) {
    if room == LEAST
        && input.capacity() == 0
        && let Some(spare) = SPARE.with_borrow_mut(Vec::pop)
    {
        *input = spare;
    }
    input.reserve(room);
}

/// Takes back an empty buffer in which there was room for so many bytes.
pub(crate) fn take_back(input: BytesMut, room: usize) {
    if room == LEAST && input.capacity() > 0 {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(input);
            }
        });
    }
}

/// Room for the next read, after one of `count` bytes into `room`. Where the same comes again and
/// again, one read takes all of it, and not much more room than it needs.
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
