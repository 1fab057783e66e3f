//! `SCAN`: all keys in the order of their bytes, a few at a time.
//!
//! A cursor stands for the key where the iteration goes on. So keys that come and go meanwhile do
//! not disturb the iteration, and each key is returned once.

use bytes::Bytes;

use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::glob;
use crate::store::embedded::read::cursor::number;
use crate::store::embedded::read::cursor::table::Owner;
use crate::store::embedded::read::keys::{Reader, Source};

/// The number of keys that are looked at if the client names none.
const COUNT: usize = 10;
/// The most keys that are looked at, whatever the client asks for.
const MAX_COUNT: usize = 100_000;
/// The types of Valkey. All keys of this store are of the first type.
const TYPES: [&[u8]; 6] = [b"string", b"list", b"set", b"zset", b"hash", b"stream"];

#[derive(Debug)]
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    is_for_strings: bool,
}

impl<'a> Options<'a> {
    fn parse(words: &'a [Bytes]) -> Result<Options<'a>, ErrorReply> {
        let mut options = Options { pattern: None, count: COUNT, is_for_strings: true };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            for (name, command) in [("NOVALUES", "HSCAN"), ("NOSCORES", "ZSCAN")] {
                if is(name) {
                    let text = format!("{name} option can only be used in {command}");
                    return Err(ErrorReply::Failed(text.into()));
                }
            }
            let argument = words.next().ok_or_else(refusal::syntax)?;
            if is("COUNT") {
                options.count = usize::try_from(integer::argument(argument)?).unwrap_or(0);
                if options.count == 0 {
                    return Err(refusal::syntax());
                }
            } else if is("MATCH") {
                options.pattern = Some(argument);
            } else if is("TYPE") {
                let kind = TYPES.iter().position(|name| argument.eq_ignore_ascii_case(name));
                let Some(kind) = kind else {
                    let text = format!("unknown type name '{}'", refusal::shown(argument));
                    return Err(ErrorReply::Failed(text.into()));
                };
                options.is_for_strings = kind == 0;
            } else {
                return Err(refusal::syntax());
            }
        }
        Ok(options)
    }

    fn want(&self, name: &[u8]) -> bool {
        self.is_for_strings && self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }
}

/// `SCAN`
pub(crate) fn scan(
    reader: &Reader<'_, impl Source>,
    cursor: &Bytes,
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let Some(cursor) = number::parse(cursor) else {
        return Err(ErrorReply::Failed("invalid cursor".into()));
    };
    let options = Options::parse(options)?;
    let owner = Owner { key_space: reader.scope.stored_prefix.clone(), uid: reader.user };
    let start = match cursor {
        0 => reader.scope.stored_prefix.clone(),
        _ => reader.cursors.get(&owner, cursor).ok_or_else(|| {
            let text = format!("cursor {cursor} is not known any more; begin again with 0");
            ErrorReply::Failed(text.into())
        })?,
    };
    let (next, keys) = keys_from(reader, &start, &options)?;
    let next = next.map_or(0, |next| reader.cursors.add(&owner, next));
    Ok(Reply::Array(vec![Reply::Value(next.to_string().into()), Reply::List(keys)]))
}

/// The keys from `start` on, as far as `options` and the bound of a reply allow, and the key where
/// the iteration goes on.
fn keys_from(
    reader: &Reader<'_, impl Source>,
    start: &[u8],
    options: &Options<'_>,
) -> Result<(Option<Bytes>, Vec<Option<Bytes>>), ErrorReply> {
    let (mut keys, mut len, mut left) = (Vec::new(), 0, options.count.min(MAX_COUNT));
    for entry in reader.source.keys_from(start) {
        let (stored, expires) = entry?;
        let Some(name) = reader.scope.client_key(&stored) else { break };
        if left == 0 {
            return Ok((Some(owned(&stored)), keys));
        }
        left -= 1;
        if !options.want(name) || expires.is_some_and(|expires| expires <= reader.now) {
            continue;
        }
        len += 8 + name.len();
        if let Err(too_long) = reader.scope.check_len(len, "") {
            return if keys.is_empty() { Err(too_long) } else { Ok((Some(owned(&stored)), keys)) };
        }
        keys.push(Some(owned(name)));
    }
    Ok((None, keys))
}

fn owned(key: &[u8]) -> Bytes {
    Bytes::copy_from_slice(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &'static str) -> String {
        let words: Vec<Bytes> = text.split(' ').map(Bytes::from).collect();
        Options::parse(&words).expect_err(text).to_string()
    }

    #[test]
    fn options_are_refused_as_in_valkey() {
        for (text, expected) in [
            ("MATCH", "syntax error"),
            ("COUNT", "syntax error"),
            ("TYPE", "syntax error"),
            ("COUNT 0", "syntax error"),
            ("COUNT -1", "syntax error"),
            ("COUNT abc", "value is not an integer or out of range"),
            ("FOO", "syntax error"),
            ("FOO x", "syntax error"),
            ("TYPE foo COUNT 0", "unknown type name 'foo'"),
            ("NOVALUES", "NOVALUES option can only be used in HSCAN"),
            ("noscores x y", "NOSCORES option can only be used in ZSCAN"),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
    }

    #[test]
    fn the_last_of_equal_options_counts() {
        let words = ["match", "a", "COUNT", "5", "MATCH", "b", "count", "6", "type", "STRING"];
        let words = words.map(Bytes::from);
        let options = Options::parse(&words).expect("options");
        assert_eq!(options.pattern, Some(&b"b"[..]));
        assert_eq!(options.count, 6);
        assert!(options.is_for_strings);
    }
}
