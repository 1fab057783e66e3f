//! Operations as commands for the server: the same words, with the prefix before every key.

use std::io::Write;

use bytes::Bytes;
use redis::{Cmd, Pipeline, RedisWrite};

use super::connection::Packed;
use crate::store::integer;
use crate::store::operation::{LAST_INDEX, Operation, Verb};

/// Keys that one step of SCAN may look at.
const LARGEST_COUNT: i64 = 10_000;

/// Turns the client's keys into the store's, and back.
#[derive(Debug)]
pub(super) struct Prefix {
    prefix: Bytes,
}

impl Prefix {
    /// Keys will carry `prefix`, which may be empty.
    pub(super) fn new(prefix: Bytes) -> Prefix {
        Prefix { prefix }
    }

    /// This prefix, and then another.
    pub(super) fn then(&self, name: &[u8]) -> Prefix {
        Prefix { prefix: [&self.prefix, name].concat().into() }
    }

    /// Whether keys are their own names.
    pub(super) fn is_empty(&self) -> bool {
        self.prefix.is_empty()
    }

    /// One operation as a command.
    pub(super) fn command(&self, operation: &Operation) -> Cmd {
        if operation.verb == Verb::Scan {
            return self.scan(&operation.args);
        }
        let name = operation.verb.name();
        let args = &operation.args;
        let bytes: usize = args.iter().map(|arg| self.prefix.len() + arg.len()).sum();
        let mut command = Cmd::with_capacity(1 + args.len(), name.len() + bytes);
        command.write_arg(name.as_bytes());
        let keys = operation.verb.keys();
        for (position, arg) in args.iter().enumerate() {
            if keys.include(position, args) {
                self.write_key(&mut command, arg);
            } else if position >= 2 && is_expire(operation.verb) {
                write_word(&mut command, arg);
            } else {
                command.write_arg(arg);
            }
        }
        command
    }

    /// SCAN over the keys under the prefix. What is wrong with its options the server tells.
    fn scan(&self, args: &[Bytes]) -> Cmd {
        let mut command = redis::cmd("SCAN");
        let Some((cursor, options)) = args.split_first() else { return command };
        command.write_arg(cursor);
        let is_match = |option: &Bytes| option.eq_ignore_ascii_case(b"match");
        if !self.is_empty() && !options.iter().step_by(2).any(is_match) {
            command.arg("MATCH").write_arg(&self.glob(b"*"));
        }
        for option in options.chunks(2) {
            command.write_arg(&option[0]);
            match option.get(1) {
                Some(pattern) if is_match(&option[0]) => command.write_arg(&self.glob(pattern)),
                Some(count) if option[0].eq_ignore_ascii_case(b"count") => {
                    command.write_arg(bounded_count(count));
                }
                Some(kind) if option[0].eq_ignore_ascii_case(b"type") => {
                    write_word(&mut command, kind);
                }
                Some(value) => command.write_arg(value),
                None => {}
            }
        }
        command
    }

    /// Those operations of `batch` that `chosen` names, ready to be sent.
    pub(super) fn pack(&self, batch: &[Operation], chosen: &[usize]) -> Packed {
        if let [only] = chosen {
            return Packed::One(self.command(&batch[*only]));
        }
        let mut pipeline = Pipeline::with_capacity(chosen.len());
        for &position in chosen {
            pipeline.add_command(self.command(&batch[position]));
        }
        Packed::Many(pipeline)
    }

    /// Appends a key to a command that is being written.
    pub(super) fn write_key(&self, command: &mut Cmd, key: &[u8]) {
        if self.prefix.is_empty() {
            command.write_arg(key);
            return;
        }
        let mut arg = command.writer_for_next_arg();
        // Writing into memory cannot fail.
        let _ = arg.write_all(&self.prefix);
        let _ = arg.write_all(key);
    }

    /// The name of the index of `last` in the store.
    pub(super) fn index(&self) -> Vec<u8> {
        [&self.prefix, LAST_INDEX].concat()
    }

    /// The client's name of a key in the store; `None` when it is nobody's here.
    pub(super) fn strip(&self, stored: Vec<u8>) -> Option<Bytes> {
        stored.starts_with(&self.prefix).then(|| Bytes::from(stored).split_off(self.prefix.len()))
    }

    /// A glob for the keys under the prefix that match `pattern`.
    pub(super) fn glob(&self, pattern: &[u8]) -> Vec<u8> {
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

/// Whether all after the key and the time are options, which the server's errors repeat.
fn is_expire(verb: Verb) -> bool {
    matches!(verb, Verb::Expire | Verb::PExpire | Verb::ExpireAt | Verb::PExpireAt)
}

/// SCAN's COUNT, which is a hint: others wait meanwhile, so there are better ones than the largest.
fn bounded_count(count: &[u8]) -> &[u8] {
    match integer::parse(count) {
        Some(LARGEST_COUNT..) => b"10000",
        _ => count,
    }
}

/// Appends a word that the server may repeat in an error. An error that is not UTF-8 would end the
/// connection that all clients share, so the word must be.
fn write_word(command: &mut Cmd, word: &[u8]) {
    command.write_arg(String::from_utf8_lossy(word).as_bytes());
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    fn packed(prefix: &'static [u8], verb: Verb, args: &[&'static [u8]]) -> Vec<u8> {
        let args = args.iter().copied().map(Bytes::from_static).collect();
        Prefix::new(Bytes::from_static(prefix))
            .command(&Operation { verb, args })
            .get_packed_command()
    }

    #[test]
    fn keys_carry_the_prefix_and_values_do_not() {
        assert_eq!(
            packed(b"p:", Verb::Set, &[b"k", b"v"]),
            b"*3\r\n$3\r\nSET\r\n$3\r\np:k\r\n$1\r\nv\r\n"
        );
        assert_eq!(
            packed(b"p:", Verb::Del, &[b"a", b""]),
            b"*3\r\n$3\r\nDEL\r\n$3\r\np:a\r\n$2\r\np:\r\n"
        );
        assert_eq!(packed(b"", Verb::Get, &[b"k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    #[test]
    fn a_prefix_with_glob_letters_stands_for_itself() {
        let prefix = Prefix::new(Bytes::from_static(b"a*[\\b"));
        assert_eq!(prefix.glob(b"*"), b"a\\*\\[\\\\b*");
        assert_eq!(prefix.strip(b"a*[\\bkey".to_vec()), Some(Bytes::from_static(b"key")));
        assert_eq!(prefix.strip(b"a*".to_vec()), None);
    }

    #[test]
    fn one_operation_travels_alone() {
        let prefix = Prefix::new(Bytes::new());
        let batch = [Operation { verb: Verb::Ping, args: smallvec![] }];
        assert!(matches!(prefix.pack(&batch, &[0]), Packed::One(_)));
        assert!(matches!(prefix.pack(&batch, &[0, 0]), Packed::Many(_)));
    }
}
