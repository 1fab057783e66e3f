//! Cursors of `SCAN`: numbers that stand for the key where an iteration goes on.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Cursors that are remembered, at most; the oldest are forgotten.
const MAX_CURSORS: u64 = 4096;
/// Bytes of their keys, at most.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The cursors that clients may come back with.
pub(super) struct Cursors(Mutex<Table>);

struct Table {
    /// The number of the oldest.
    first: u64,
    keys: VecDeque<Bytes>,
    bytes: usize,
}

impl Cursors {
    /// None yet. Numbers begin at random, so that those of an earlier process mean nothing.
    pub(super) fn new() -> Cursors {
        let first = 1 + u64::from(rand::random::<u32>());
        Cursors(Mutex::new(Table { first, keys: VecDeque::new(), bytes: 0 }))
    }

    /// A number for going on at `key`.
    pub(super) fn add(&self, key: Bytes) -> u64 {
        let mut table = self.table();
        table.bytes += key.len();
        table.keys.push_back(key);
        while table.keys.len() as u64 > MAX_CURSORS || table.bytes > MAX_BYTES {
            table.bytes -= table.keys.pop_front().map_or(0, |key| key.len());
            table.first += 1;
        }
        table.first + table.keys.len() as u64 - 1
    }

    /// The key where a number says to go on, if it is remembered.
    pub(super) fn get(&self, number: u64) -> Option<Bytes> {
        let table = self.table();
        let place = usize::try_from(number.checked_sub(table.first)?).ok()?;
        table.keys.get(place).cloned()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a cursor as Valkey does, which leaves most to C's `strtoull`.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    // A number in canonical form may not be negative; in another it counts from above.
    if super::integer::parse(text).is_some_and(|number| number < 0) {
        return None;
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = std::str::from_utf8(&text[..end]).ok()?;
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // The parser of the standard library takes a sign, too.
    let number: u64 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
    Some(if text.starts_with('-') { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_remembered_until_too_many_came_after_it() {
        let cursors = Cursors::new();
        let first = cursors.add(Bytes::from_static(b"a"));
        assert_ne!(first, 0);
        assert_eq!(cursors.get(first), Some(Bytes::from_static(b"a")));
        assert_eq!(cursors.get(first + 1), None);
        let last = (0..MAX_CURSORS).map(|_| cursors.add(Bytes::from_static(b"b"))).last();
        assert_eq!(cursors.get(first), None);
        assert_eq!(last.and_then(|last| cursors.get(last)), Some(Bytes::from_static(b"b")));
    }

    #[test]
    fn long_keys_are_forgotten_sooner() {
        let cursors = Cursors::new();
        let key = Bytes::from(vec![b'k'; 60_000]);
        let numbers: Vec<u64> = (0..100).map(|_| cursors.add(key.clone())).collect();
        assert_eq!(cursors.get(numbers[0]), None);
        assert_eq!(cursors.get(numbers[99]), Some(key));
    }

    #[test]
    fn cursors_are_read_as_in_valkey() {
        for (text, expected) in [
            ("0", Some(0)),
            ("00", Some(0)),
            ("+0", Some(0)),
            (" 0", Some(0)),
            ("-0", Some(0)),
            ("0\0x", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            (" -1", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("", None),
            ("+", None),
            ("++1", None),
            ("1 ", None),
            ("abc", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }
}
