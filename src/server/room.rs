//! How much room a connection makes for its next read.

/// Room for a read of a client that sends little at a time.
pub(super) const LEAST: usize = 4 * 1024;
/// Room for a read of one that sends much.
pub(super) const MOST: usize = 256 * 1024;
/// Room for the next read, after one of `count` bytes into `room`. Where the same comes again and
/// again, one read takes all of it, and not much more room than it needs.
pub(super) fn after(count: usize, room: usize) -> usize {
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
