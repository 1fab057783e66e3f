//! Replies: as the daemon writes them, and as the client reads them back.

use std::io::Write;

use bytes::Bytes;

use super::quote::{Place, escape, read_quoted, write_word};
use super::words::{Unbalanced, split_words};
use crate::message::{ErrorReply, Reply};

const NIL: &[u8] = b"(nil)";
const ERROR: &[u8] = b"ERROR: ";

/// Appends the one line that says `reply`.
pub fn encode_reply(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Status(word) => out.extend_from_slice(word.as_bytes()),
        Reply::Line(line) => out.extend_from_slice(line.as_bytes()),
        Reply::Integer(number) => {
            write!(out, "{number}").expect("a Vec takes every write");
        }
        Reply::Value(value) => write_word(value, Place::Alone, out),
        Reply::Nil => out.extend_from_slice(NIL),
        Reply::List(items) => write_separated(items, out, |item, out| match item {
            Some(item) => write_word(item, Place::Listed, out),
            None => out.extend_from_slice(NIL),
        }),
        Reply::Pairs(pairs) => write_separated(pairs, out, |(key, value), out| {
            write_word(key, Place::BeforeColon, out);
            out.push(b':');
            write_word(value, Place::Listed, out);
        }),
        Reply::Error(error) => write_error(error, out),
    }
    out.push(b'\n');
}

fn write_separated<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write(item, out);
    }
}

fn write_error(error: &ErrorReply, out: &mut Vec<u8>) {
    out.extend_from_slice(ERROR);
    let text = error.to_string();
    // The store's text is not ours: it must not be able to end the line.
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        escape(text.as_bytes(), out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// One reply line as the client sees it, without its LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyLine {
    /// `(nil)`.
    Nil,
    /// An error, without the leading `ERROR: `.
    Error(Bytes),
    /// Anything else: a value unquoted, or the line as it is.
    Value(Bytes),
}

/// Reads one reply line (without its LF) back. `is_list` says that it holds several words, which
/// are left as they are written.
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

/// Reads the words of a list reply back.
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
            (Reply::Line("v0.1.0".to_owned()), "v0.1.0"),
            (Reply::Integer(-2), "-2"),
            (Reply::Nil, "(nil)"),
            (Reply::Value("hello   world".into()), "hello   world"),
            (Reply::Value("(nil)".into()), r#""(nil)""#),
            (Reply::List(vec![]), ""),
            (Reply::List(vec![Some("".into())]), r#""""#),
            (Reply::List(vec![Some("a b".into()), None, Some("c".into())]), r#""a b" (nil) c"#),
            (Reply::Pairs(vec![pair("k:", "v:"), pair("a", "b c")]), r#""k:":v: a:"b c""#),
            (Reply::failed("two\nlines"), r"ERROR: two\nlines"),
            (Reply::Error(ErrorReply::Coded("WRONGTYPE x".into())), "ERROR: WRONGTYPE x"),
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
