//! The prefix of all keys in the store. Encodes operations as commands, with the prefix before
//! every key.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::command::table::spec::Own;
use crate::store::operation::{LAST_INDEX, Operation};
use crate::store::valkey::wire::command::{COPIED, Commands};
use crate::store::{integer, operation};

/// The most keys that one step of SCAN may look at.
const LARGEST_COUNT: i64 = 10_000;

/// Bytes of a word's frame, for words of usual length.
const WORD: usize = 12;

/// A buffer for a key with the prefix.
pub(crate) type StoredKey = SmallVec<[u8; 128]>;

/// Adds the prefix to clients' keys, and removes it from stored ones.
#[derive(Debug)]
pub(crate) struct Prefix {
    prefix: Bytes,
}

impl Prefix {
    /// A prefix, which may be empty.
    pub(crate) fn new(prefix: Bytes) -> Prefix {
        Prefix { prefix }
    }

    /// The empty prefix.
    pub(crate) fn none() -> Prefix {
        Prefix { prefix: Bytes::new() }
    }

    /// This prefix, followed by `name`.
    pub(crate) fn then(&self, name: &[u8]) -> Prefix {
        Prefix { prefix: [&self.prefix, name].concat().into() }
    }

    /// Whether the prefix is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.prefix.is_empty()
    }

    /// The approximate number of bytes that [`Prefix::write`] appends.
    pub(crate) fn bytes(&self, operation: &Operation) -> usize {
        let copied = |arg: &Bytes| if arg.len() > COPIED { 0 } else { arg.len() };
        let words = operation.args.iter().map(|arg| copied(arg) + self.prefix.len() + WORD);
        2 * WORD + words.sum::<usize>()
    }

    /// Appends one operation as a command.
    pub(crate) fn write(&self, operation: &Operation, commands: &mut Commands) {
        if operation.own() == Own::Scan {
            return commands.push(&borrowed(&self.scan(&operation.args)));
        }
        let (args, words) = (&operation.args, &operation.spec().words);
        commands.begin(words.count() + args.len());
        commands.encoded(words.encoded());
        // Engines refuse an operation whose keys have no known places before they send anything.
        let keys = operation.positions().unwrap_or_default();
        for (position, arg) in args.iter().enumerate() {
            if keys.include(position) {
                commands.joined(&[&self.prefix, arg]);
            } else {
                commands.data(arg);
            }
        }
    }

    /// Appends WATCH of `keys`.
    pub(crate) fn watch(&self, keys: &[Bytes], commands: &mut Commands) {
        commands.begin(1 + keys.len());
        commands.word(b"WATCH");
        for key in keys {
            commands.joined(&[&self.prefix, key]);
        }
    }

    /// SCAN over the keys under the prefix. The server refuses wrong options.
    fn scan<'a>(&self, args: &'a [Bytes]) -> Vec<Cow<'a, [u8]>> {
        let mut words: Vec<Cow<'a, [u8]>> = vec![Cow::Borrowed(b"SCAN")];
        let Some((cursor, options)) = args.split_first() else { return words };
        words.push(Cow::Borrowed(cursor));
        let is_match = |option: &Bytes| option.eq_ignore_ascii_case(b"match");
        if !self.is_empty() && !options.iter().step_by(2).any(is_match) {
            words.push(Cow::Borrowed(b"MATCH"));
            words.push(self.glob(b"*").into());
        }
        for option in options.chunks(2) {
            words.push(Cow::Borrowed(&option[0]));
            match option.get(1) {
                Some(pattern) if is_match(&option[0]) => words.push(self.glob(pattern).into()),
                Some(count) if option[0].eq_ignore_ascii_case(b"count") => {
                    words.push(Cow::Borrowed(bounded_count(count)));
                }
                Some(value) => words.push(Cow::Borrowed(value)),
                None => {}
            }
        }
        words
    }

    /// The stored name of a client's key.
    pub(crate) fn stored(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// The stored name of a client's key, copied to `room` unless the prefix is empty.
    pub(crate) fn stored_in<'a>(&self, key: &'a [u8], room: &'a mut StoredKey) -> &'a [u8] {
        if self.is_empty() {
            return key;
        }
        room.clear();
        room.extend_from_slice(&self.prefix);
        room.extend_from_slice(key);
        room
    }

    /// A pattern for SORT that yields the stored name of an element. `None` if the prefix contains
    /// `*`, which SORT would replace by the element.
    pub(crate) fn sort_pattern(&self) -> Option<Vec<u8>> {
        (!self.prefix.contains(&b'*')).then(|| self.stored(b"*"))
    }

    /// The stored name of the index of `last`.
    pub(crate) fn index(&self) -> Vec<u8> {
        self.stored(LAST_INDEX)
    }

    /// The client's name of a stored key. `None` for keys outside the prefix, and for kvsock's own
    /// keys.
    pub(crate) fn public(&self, stored: &Bytes) -> Option<Bytes> {
        self.strip(stored).filter(|key| !operation::is_reserved(key))
    }

    fn strip(&self, stored: &Bytes) -> Option<Bytes> {
        stored.starts_with(&self.prefix).then(|| stored.slice(self.prefix.len()..))
    }

    /// A glob for the stored keys under the prefix that match `pattern`.
    pub(crate) fn glob(&self, pattern: &[u8]) -> Vec<u8> {
        let mut glob = Vec::with_capacity(self.prefix.len() + pattern.len());
        for &byte in &self.prefix {
            if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
                glob.push(b'\\');
            }
            glob.push(byte);
        }
        glob.extend_from_slice(pattern);
        glob
    }
}

/// Borrows all words.
pub(crate) fn borrowed<'a>(words: &'a [Cow<'_, [u8]>]) -> Vec<&'a [u8]> {
    words.iter().map(AsRef::as_ref).collect()
}

/// Bounds the COUNT of SCAN, which is a hint, since other clients wait during a step.
fn bounded_count(count: &[u8]) -> &[u8] {
    match integer::parse(count) {
        Some(LARGEST_COUNT..) => b"10000",
        _ => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is sent.
    fn packed(prefix: &'static [u8], name: &str, args: &[&'static [u8]]) -> Vec<u8> {
        let args = args.iter().copied().map(Bytes::from_static).collect();
        let prefix = Prefix::new(Bytes::from_static(prefix));
        let operation = Operation::named(name, args).expect("a command");
        let mut commands = Commands::default();
        prefix.write(&operation, &mut commands);
        let bytes = commands.into_bytes();
        bytes.slices().iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn keys_carry_the_prefix_and_values_do_not() {
        assert_eq!(
            packed(b"p:", "SET", &[b"k", b"v"]),
            b"*3\r\n$3\r\nSET\r\n$3\r\np:k\r\n$1\r\nv\r\n"
        );
        assert_eq!(
            packed(b"p:", "DEL", &[b"a", b""]),
            b"*3\r\n$3\r\nDEL\r\n$3\r\np:a\r\n$2\r\np:\r\n"
        );
        assert_eq!(packed(b"", "GET", &[b"k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    #[test]
    fn scan_looks_at_what_is_under_the_prefix_alone() {
        assert_eq!(packed(b"", "SCAN", &[b"0"]), b"*2\r\n$4\r\nSCAN\r\n$1\r\n0\r\n");
        assert_eq!(
            packed(b"p:", "SCAN", &[b"7", b"count", b"99999"]),
            b"*6\r\n$4\r\nSCAN\r\n$1\r\n7\r\n$5\r\nMATCH\r\n$3\r\np:*\r\n$5\r\ncount\r\n$5\r\n10000\r\n"
        );
    }

    #[test]
    fn a_prefix_with_glob_letters_stands_for_itself() {
        let prefix = Prefix::new(Bytes::from_static(b"a*[\\b"));
        assert_eq!(prefix.glob(b"*"), b"a\\*\\[\\\\b*");
        assert_eq!(
            prefix.strip(&Bytes::from_static(b"a*[\\bkey")),
            Some(Bytes::from_static(b"key"))
        );
        assert_eq!(prefix.strip(&Bytes::from_static(b"a*")), None);
    }
}
