//! Replies in the form for a person at a terminal: numbered, coloured, and without control
//! characters.

use std::fmt::Write;

use bytes::Bytes;

use crate::client::output::colour::{Palette, Tone};
use crate::message::Reply;
use crate::protocol::text::{Place, write_word};

/// `reply` without a line end.
pub(super) fn show(reply: &Reply, palette: Palette) -> String {
    let mut view = View { palette, text: String::new() };
    view.push(reply, "");
    view.text
}

/// `text` with its control characters escaped.
pub(super) fn one_line(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        if letter.is_control() { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

struct View {
    palette: Palette,
    text: String,
}

impl View {
    /// Appends a reply; its further lines begin with `indent`.
    fn push(&mut self, reply: &Reply, indent: &str) {
        match reply {
            Reply::Status(word) => self.paint(Tone::Good, word),
            Reply::Word(text) => self.paint(Tone::Good, &word(text.as_bytes())),
            Reply::Text(text) => self.push_text(text, indent),
            Reply::Integer(number) => self.paint(Tone::Number, &number.to_string()),
            Reply::Double(number) => self.paint(Tone::Number, &number.to_string()),
            Reply::Boolean(truth) => self.paint(Tone::Number, &truth.to_string()),
            Reply::Value(value) => self.paint(Tone::Text, &word(value)),
            Reply::Nil | Reply::NilList => self.paint(Tone::Faint, "(nil)"),
            Reply::List(items) => self.push_items(items, indent, |view, item, indent| {
                view.push_item(item.as_ref(), indent);
            }),
            Reply::Array(items) | Reply::Set(items) => {
                self.push_items(items, indent, View::push);
            }
            Reply::Map(pairs) => self.push_entries(pairs, indent),
            Reply::Pairs(pairs) => self.push_items(pairs, indent, |view, (key, value), _| {
                view.paint(Tone::Strong, &word(key));
                view.text.push_str(": ");
                view.paint(Tone::Text, &word(value));
            }),
            Reply::Speaks(_, reply) => self.push(reply, indent),
            Reply::Error(error) => {
                self.paint(Tone::Bad, &format!("error: {}", one_line(&error.to_string())));
            }
        }
    }

    fn push_item(&mut self, item: Option<&Bytes>, _: &str) {
        match item {
            Some(item) => self.paint(Tone::Text, &word(item)),
            None => self.paint(Tone::Faint, "(nil)"),
        }
    }

    fn push_text(&mut self, text: &str, indent: &str) {
        for (index, line) in text.trim_end().lines().enumerate() {
            self.push_line_end(index, indent);
            self.text.push_str(&one_line(line));
        }
    }

    fn push_items<T>(&mut self, items: &[T], indent: &str, push: impl Fn(&mut View, &T, &str)) {
        if items.is_empty() {
            return self.paint(Tone::Faint, "(empty)");
        }
        let width = items.len().to_string().len();
        let inner = format!("{indent}{:width$}  ", "");
        for (index, item) in items.iter().enumerate() {
            self.push_line_end(index, indent);
            self.paint(Tone::Faint, &format!("{:>width$}) ", index + 1));
            push(self, item, &inner);
        }
    }

    fn push_entries(&mut self, pairs: &[(Reply, Reply)], indent: &str) {
        if pairs.is_empty() {
            return self.paint(Tone::Faint, "(empty)");
        }
        let inner = format!("{indent}  ");
        for (index, (name, value)) in pairs.iter().enumerate() {
            self.push_line_end(index, indent);
            match name {
                Reply::Value(name) => self.paint(Tone::Strong, &word(name)),
                Reply::Word(name) => self.paint(Tone::Strong, &word(name.as_bytes())),
                other => self.push(other, &inner),
            }
            self.text.push(':');
            if has_lines(value) {
                write!(self.text, "\n{inner}").expect("a String takes every write");
            } else {
                self.text.push(' ');
            }
            self.push(value, &inner);
        }
    }

    fn push_line_end(&mut self, index: usize, indent: &str) {
        if index > 0 {
            write!(self.text, "\n{indent}").expect("a String takes every write");
        }
    }

    fn paint(&mut self, tone: Tone, text: &str) {
        self.text.push_str(&self.palette.paint(tone, text));
    }
}

/// Whether a reply is shown on lines of its own.
fn has_lines(reply: &Reply) -> bool {
    match reply {
        Reply::Array(items) | Reply::Set(items) => !items.is_empty(),
        Reply::Map(pairs) => !pairs.is_empty(),
        _ => false,
    }
}

/// Bytes as one word: unquoted if that is unambiguous, otherwise quoted as in the text protocol.
/// All bytes that are not printable text are escaped.
fn word(bytes: &[u8]) -> String {
    let mut raw = Vec::new();
    write_word(bytes, Place::Alone, &mut raw);
    match String::from_utf8(raw) {
        Ok(text) if text.as_bytes() == bytes && !text.contains(char::is_control) => text,
        _ => quoted(bytes),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = "\"".to_owned();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '"' | '\\' => text.extend(['\\', letter]),
                letter if letter.is_control() => {
                    push_hex(letter.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
                }
                letter => text.push(letter),
            }
        }
        push_hex(chunk.invalid(), &mut text);
    }
    text + "\""
}

fn push_hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("a String takes every write");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &'static [u8]) -> Reply {
        Reply::Value(Bytes::from_static(bytes))
    }

    #[test]
    fn lists_are_numbered_and_nested() {
        let nested = Reply::Array(vec![value(b"a"), Reply::Integer(1)]);
        let reply = Reply::Array(vec![value(b"0"), nested, Reply::Nil, Reply::Array(vec![])]);
        let expected = "1) 0\n2) 1) a\n   2) 1\n3) (nil)\n4) (empty)";
        assert_eq!(show(&reply, Palette::PLAIN), expected);
        let map = Reply::Map(vec![(value(b"a"), value(b"b")), (value(b"c"), Reply::Array(vec![]))]);
        assert_eq!(show(&map, Palette::PLAIN), "a: b\nc: (empty)");
    }

    #[test]
    fn nothing_in_a_value_reaches_the_terminal_as_an_order() {
        for (bytes, expected) in [
            (&b"hello   world"[..], "hello   world"),
            ("é".as_bytes(), "é"),
            (b"", "\"\""),
            (b"(nil)", "\"(nil)\""),
            (b"\x1b[2J\xff\n", "\"\\x1b[2J\\xff\\n\""),
            (b"\xc2\x9b2J", "\"\\xc2\\x9b2J\""),
        ] {
            assert_eq!(show(&value(bytes), Palette::PLAIN), expected);
        }
    }
}
