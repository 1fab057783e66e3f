//! Replies in the form for shell scripts.
//!
//! A value is written as its bytes. A list has one element per line; an element that is itself a
//! list, or a pair, has tabs between its own elements. An element whose bytes would be ambiguous is
//! quoted as in the text protocol, so that `while read -r key` reads keys.

use std::io::{self, Write};

use bytes::Bytes;

use crate::message::Reply;
use crate::protocol::text::{Place, encode_reply, write_word};

/// Writes `reply`, and a newline after it if it is not empty.
pub(crate) fn write_plain(reply: &Reply, out: &mut impl Write) -> io::Result<()> {
    match reply {
        Reply::Nil | Reply::NilList => Ok(()),
        Reply::Word(text) | Reply::Text(text) => {
            // Texts of the store have the line ends of its protocol.
            let text = text.replace("\r\n", "\n");
            out.write_all(text.as_bytes())?;
            if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
        }
        Reply::Value(value) => {
            out.write_all(value)?;
            out.write_all(b"\n")
        }
        Reply::List(items) => write_lines(items, out, |item, line| {
            push_item(item.as_ref(), line);
        }),
        Reply::Array(items) | Reply::Set(items) => write_lines(items, out, push_line),
        Reply::Map(pairs) => write_lines(pairs, out, |(name, value), line| {
            push_word(name, line);
            line.push(b'\t');
            push_word(value, line);
        }),
        Reply::Pairs(pairs) => write_lines(pairs, out, |(key, value), line| {
            write_word(key, Place::Alone, line);
            line.push(b'\t');
            write_word(value, Place::Alone, line);
        }),
        Reply::Speaks(_, reply) => write_plain(reply, out),
        other => {
            let mut line = Vec::new();
            encode_reply(other, &mut line);
            out.write_all(&line)
        }
    }
}

/// Writes the bytes of `reply` without quotes or a final newline. A newline separates the elements
/// of a list.
pub(crate) fn write_raw(reply: &Reply, out: &mut impl Write) -> io::Result<()> {
    match reply {
        Reply::Nil | Reply::NilList => Ok(()),
        Reply::Value(value) => out.write_all(value),
        Reply::Text(text) | Reply::Word(text) => out.write_all(text.as_bytes()),
        Reply::List(items) => write_between(items, out, |item, out| {
            item.as_ref().map_or(Ok(()), |item| out.write_all(item))
        }),
        Reply::Array(items) | Reply::Set(items) => write_between(items, out, write_raw),
        Reply::Map(pairs) => write_between(pairs, out, |(name, value), out| {
            write_raw(name, out)?;
            out.write_all(b"\n")?;
            write_raw(value, out)
        }),
        Reply::Pairs(pairs) => write_between(pairs, out, |(key, value), out| {
            out.write_all(key)?;
            out.write_all(b"\n")?;
            out.write_all(value)
        }),
        Reply::Speaks(_, reply) => write_raw(reply, out),
        other => {
            let mut line = Vec::new();
            encode_reply(other, &mut line);
            out.write_all(line.strip_suffix(b"\n").unwrap_or(&line))
        }
    }
}

fn write_lines<T>(
    items: &[T],
    out: &mut impl Write,
    push: impl Fn(&T, &mut Vec<u8>),
) -> io::Result<()> {
    let mut line = Vec::new();
    for item in items {
        line.clear();
        push(item, &mut line);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

fn write_between<T, W: Write>(
    items: &[T],
    out: &mut W,
    write: impl Fn(&T, &mut W) -> io::Result<()>,
) -> io::Result<()> {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_all(b"\n")?;
        }
        write(item, out)?;
    }
    Ok(())
}

fn push_item(item: Option<&Bytes>, line: &mut Vec<u8>) {
    match item {
        Some(item) => write_word(item, Place::Alone, line),
        None => line.extend_from_slice(b"(nil)"),
    }
}

/// Appends an element of a list as a line.
fn push_line(element: &Reply, line: &mut Vec<u8>) {
    match element {
        Reply::List(items) => push_tabbed(items, line, |item, line| {
            push_item(item.as_ref(), line);
        }),
        Reply::Array(items) | Reply::Set(items) => push_tabbed(items, line, push_word),
        Reply::Map(pairs) => push_tabbed(pairs, line, |(name, value), line| {
            push_word(name, line);
            line.push(b'\t');
            push_word(value, line);
        }),
        other => push_word(other, line),
    }
}

fn push_tabbed<T>(items: &[T], line: &mut Vec<u8>, push: impl Fn(&T, &mut Vec<u8>)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            line.push(b'\t');
        }
        push(item, line);
    }
}

/// Appends one word of a line. Lists nested more deeply have the form of the text protocol, with
/// their length in parentheses.
fn push_word(element: &Reply, line: &mut Vec<u8>) {
    match element {
        Reply::Value(value) => write_word(value, Place::Alone, line),
        Reply::Word(text) | Reply::Text(text) => write_word(text.as_bytes(), Place::Alone, line),
        other => {
            // Encoded as an element, so that a list has its length and an error its mark.
            encode_reply(&Reply::Array(vec![other.clone()]), line);
            line.truncate(line.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> [String; 2] {
        let (mut plain, mut raw) = (Vec::new(), Vec::new());
        write_plain(reply, &mut plain).unwrap();
        write_raw(reply, &mut raw).unwrap();
        [plain, raw].map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn value(text: &'static str) -> Reply {
        Reply::Value(text.into())
    }

    #[test]
    fn every_kind_of_reply_has_its_plain_and_its_raw_form() {
        let odd = || Reply::Array(["a b", "(nil)", "", "x\ty", "q\""].map(value).to_vec());
        for (reply, plain, raw) in [
            (value("a\n"), "a\n\n", "a\n"),
            (Reply::Nil, "", ""),
            (Reply::OK, "OK\n", "OK"),
            (Reply::Word("so be it".to_owned()), "so be it\n", "so be it"),
            (Reply::Integer(3), "3\n", "3"),
            (Reply::Text("a:1\r\nb:2\r\n".to_owned()), "a:1\nb:2\n", "a:1\r\nb:2\r\n"),
            (Reply::Array(vec![]), "", ""),
            (odd(), "a b\n\"(nil)\"\n\"\"\n\"x\\ty\"\nq\"\n", "a b\n(nil)\n\nx\ty\nq\""),
            (Reply::Array(vec![Reply::Nil, Reply::Integer(1)]), "(nil)\n1\n", "\n1"),
            (Reply::Map(vec![(value("a"), value("b c"))]), "a\tb c\n", "a\nb c"),
            (
                Reply::Array(vec![value("0"), odd(), Reply::Array(vec![odd()])]),
                "0\na b\t\"(nil)\"\t\"\"\t\"x\\ty\"\tq\"\n\
                 (5) \"a b\" \"(nil)\" \"\" \"x\\ty\" \"q\\\"\"\n",
                "0\na b\n(nil)\n\nx\ty\nq\"\na b\n(nil)\n\nx\ty\nq\"",
            ),
        ] {
            assert_eq!(written(&reply), [plain, raw], "{reply:?}");
        }
    }
}
