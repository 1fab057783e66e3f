//! The encoding of replies by the daemon, and their decoding by the client.

use std::io::Write;

use bytes::Bytes;

use super::quote::{Place, escape, read_quoted, write_quoted, write_word};
use super::words::{Unbalanced, split_words};
use crate::message::{ErrorReply, Reply};

const NIL: &[u8] = b"(nil)";
const ERROR: &[u8] = b"ERROR: ";

/// Appends the line for `reply`.
///
/// A list inside a reply is written as its length in parentheses, then its elements; an error
/// inside a reply as `(error)` and its quoted text. No unquoted value begins with a parenthesis.
pub fn encode_reply(reply: &Reply, out: &mut Vec<u8>) {
    write_whole(reply, out);
    out.push(b'\n');
}

fn write_whole(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Text(text) if !text.contains(char::is_control) => {
            out.extend_from_slice(text.as_bytes());
        }
        Reply::Value(value) => write_word(value, Place::Alone, out),
        Reply::List(items) => write_separated(items, out, write_item),
        Reply::Array(items) | Reply::Set(items) => write_separated(items, out, write_element),
        Reply::Map(pairs) => write_separated(pairs, out, write_entry),
        Reply::Pairs(pairs) => write_separated(pairs, out, |(key, value), out| {
            write_word(key, Place::BeforeColon, out);
            out.push(b':');
            write_word(value, Place::Listed, out);
        }),
        Reply::Error(error) => write_error(error, out),
        Reply::Speaks(_, reply) => write_whole(reply, out),
        other => write_element(other, out),
    }
}

/// Writes one word, or the words of a list.
fn write_element(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Status(word) => out.extend_from_slice(word.as_bytes()),
        Reply::Word(text) | Reply::Text(text) => write_word(text.as_bytes(), Place::Listed, out),
        Reply::Integer(number) => push(out, format_args!("{number}")),
        Reply::Double(number) => push(out, format_args!("{number}")),
        Reply::Boolean(truth) => push(out, format_args!("{truth}")),
        Reply::Value(value) => write_word(value, Place::Listed, out),
        Reply::Nil | Reply::NilList => out.extend_from_slice(NIL),
        Reply::List(items) => write_counted(items, out, write_item),
        Reply::Array(items) | Reply::Set(items) => write_counted(items, out, write_element),
        Reply::Map(pairs) => write_counted(pairs, out, write_entry),
        Reply::Pairs(pairs) => write_counted(pairs, out, |(key, value), out| {
            write_word(key, Place::Listed, out);
            out.push(b' ');
            write_word(value, Place::Listed, out);
        }),
        Reply::Speaks(_, reply) => write_element(reply, out),
        Reply::Error(error) => {
            out.extend_from_slice(b"(error) ");
            write_quoted(error.to_string().as_bytes(), out);
        }
    }
}

#[expect(clippy::ref_option, reason = "as the elements of a list are")]
fn write_item(item: &Option<Bytes>, out: &mut Vec<u8>) {
    match item {
        Some(item) => write_word(item, Place::Listed, out),
        None => out.extend_from_slice(NIL),
    }
}

fn write_entry((name, value): &(Reply, Reply), out: &mut Vec<u8>) {
    write_element(name, out);
    out.push(b' ');
    write_element(value, out);
}

fn write_counted<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    push(out, format_args!("({})", items.len()));
    for item in items {
        out.push(b' ');
        write(item, out);
    }
}

fn write_separated<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write(item, out);
    }
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

fn write_error(error: &ErrorReply, out: &mut Vec<u8>) {
    out.extend_from_slice(ERROR);
    let text = error.to_string();
    // The store's text is not kvsock's: it must not be able to end the line.
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        escape(text.as_bytes(), out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// One reply line without its LF, as the client understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyLine {
    /// `(nil)`.
    Nil,
    /// An error, without the leading `ERROR: `.
    Error(Bytes),
    /// Any other reply: a value unquoted, or the line as it is.
    Value(Bytes),
}

/// Reads one reply line (without its LF). With `is_list`, the line holds several words, which stay
/// as they are written.
pub fn parse_reply(line: &Bytes, is_list: bool) -> Result<ReplyLine, Unbalanced> {
    if &line[..] == NIL && !is_list {
        return Ok(ReplyLine::Nil);
    }
    if line.starts_with(ERROR) {
        return Ok(ReplyLine::Error(line.slice(ERROR.len()..)));
    }
    if is_list || line.first() != Some(&b'"') {
        return Ok(ReplyLine::Value(line.clone()));
    }
    match read_quoted(&line[1..]) {
        Some((value, taken)) if taken + 1 == line.len() => Ok(ReplyLine::Value(value.into())),
        _ => Err(Unbalanced),
    }
}

/// Reads the words of a list reply.
pub fn parse_list(line: &Bytes) -> Result<Vec<Bytes>, Unbalanced> {
    split_words(line, |_| None).map(|words| words.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(reply: &Reply) -> Bytes {
        let mut out = Vec::new();
        encode_reply(reply, &mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        assert!(!out.contains(&b'\n'), "one line: {out:?}");
        Bytes::from(out)
    }

    #[test]
    fn every_kind_of_reply_has_its_line() {
        let pair = |key: &'static str, value: &'static str| (key.into(), value.into());
        for (reply, expected) in [
            (Reply::OK, "OK"),
            (Reply::Text("v0.1.0".to_owned()), "v0.1.0"),
            (Reply::Integer(-2), "-2"),
            (Reply::Nil, "(nil)"),
            (Reply::Value("hello   world".into()), "hello   world"),
            (Reply::Value("(nil)".into()), r#""(nil)""#),
            (Reply::List(vec![]), ""),
            (Reply::List(vec![Some("".into())]), r#""""#),
            (Reply::List(vec![Some("a b".into()), None, Some("c".into())]), r#""a b" (nil) c"#),
            (Reply::Pairs(vec![pair("k:", "v:"), pair("a", "b c")]), r#""k:":v: a:"b c""#),
            (Reply::failed("two\nlines"), r"ERROR: two\nlines"),
            (Reply::coded("WRONGTYPE x"), "ERROR: WRONGTYPE x"),
            (
                Reply::Error(ErrorReply::Unavailable("connection refused".into())),
                "ERROR: store unavailable: connection refused",
            ),
            (
                Reply::Error(ErrorReply::OutcomeUnknown("set")),
                r#"ERROR: store connection lost; "set" may or may not have been applied."#,
            ),
        ] {
            assert_eq!(line(&reply), expected);
        }
    }

    proptest! {
        #[test]
        fn every_value_comes_back_equal(value in proptest::collection::vec(any::<u8>(), 0..100)) {
            let value = Bytes::from(value);
            let line = line(&Reply::Value(value.clone()));
            prop_assert_eq!(parse_reply(&line, false), Ok(ReplyLine::Value(value)));
        }

        #[test]
        fn values_like_our_own_words_come_back_equal(
            value in r#"(ERROR|\(nil\)|"|OK|\\|:| |[\x00-\x7f]){0,4}"#,
        ) {
            let value = Bytes::from(value);
            let line = line(&Reply::Value(value.clone()));
            prop_assert_eq!(parse_reply(&line, false), Ok(ReplyLine::Value(value)));
        }

        #[test]
        fn every_list_comes_back_equal(
            items in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9),
        ) {
            let items: Vec<Bytes> = items.into_iter().map(Bytes::from).collect();
            let line = line(&Reply::List(items.iter().cloned().map(Some).collect()));
            prop_assert_eq!(parse_list(&line), Ok(items));
        }
    }
}
