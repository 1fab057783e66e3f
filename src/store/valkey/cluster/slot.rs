//! Hash slots of keys (the Redis Cluster specification, "Key distribution model" and "Hash tags").

use crc16::{State, XMODEM};

/// The number of slots.
pub(crate) const SLOTS: usize = 16_384;

/// A slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot(u16);

impl Slot {
    /// The slot for operations without a key. Any slot would do.
    pub(crate) const ANY: Slot = Slot(0);

    /// The slot of a stored key. If the key contains a non-empty hash tag in braces, the first tag
    /// decides.
    pub(crate) fn of(key: &[u8]) -> Slot {
        Slot(State::<XMODEM>::calculate(tag(key)) % 16_384)
    }

    /// The slot of that number, if it exists.
    pub(crate) fn numbered(number: usize) -> Option<Slot> {
        (number < SLOTS).then(|| u16::try_from(number).ok().map(Slot)).flatten()
    }

    /// The slot's number.
    pub(crate) fn number(self) -> usize {
        usize::from(self.0)
    }
}

fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    match memchr::memchr(b'}', &key[open + 1..]) {
        None | Some(0) => key,
        Some(length) => &key[open + 1..][..length],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As CLUSTER KEYSLOT of a Valkey 8.0 told them.
    #[test]
    fn keys_are_in_the_slots_that_the_server_says() {
        for (key, slot) in [
            ("", 0),
            ("a", 15_495),
            ("123456789", 12_739),
            ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("foo{bar}{zap}", 5061),
            ("foo{bar", 15_278),
        ] {
            assert_eq!(Slot::of(key.as_bytes()).number(), slot, "{key}");
        }
        assert_eq!(Slot::of(b"foo{bar}{zap}"), Slot::of(b"bar"));
        assert_eq!(Slot::numbered(16_383).map(Slot::number), Some(16_383));
        assert_eq!(Slot::numbered(16_384), None);
    }
}
