//! Replies as the daemon writes them.

use bytes::Bytes;

use crate::message::{ErrorReply, Protocol, Reply, Request};

/// How much Valkey repeats of an unknown command's name, and of its arguments, in bytes.
const SHOWN: usize = 128;

/// Writes replies in the version that the connection speaks.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Version 3, not 2.
    is_third: bool,
}

impl Encoder {
    /// Appends `reply`; a change of the version holds from there on.
    pub fn encode(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        match reply {
            Reply::Status(word) => line(b'+', word.as_bytes(), out),
            Reply::Word(word) => line(b'+', word.as_bytes(), out),
            Reply::Text(text) => self.text(text, out),
            Reply::Integer(number) => head(b':', *number, out),
            Reply::Double(number) => self.double(*number, out),
            Reply::Boolean(truth) => out.extend_from_slice(match (self.is_third, truth) {
                (true, true) => b"#t\r\n",
                (true, false) => b"#f\r\n",
                (false, true) => b":1\r\n",
                (false, false) => b":0\r\n",
            }),
            Reply::Value(value) => bulk(value, out),
            Reply::Nil => self.nil(b"$-1\r\n", out),
            Reply::NilList => self.nil(b"*-1\r\n", out),
            Reply::List(items) => self.list(items, out),
            Reply::Array(items) => self.all(b'*', items, out),
            Reply::Set(items) => self.all(if self.is_third { b'~' } else { b'*' }, items, out),
            Reply::Map(pairs) => self.map(pairs, out),
            Reply::Pairs(pairs) => self.pairs(pairs, out),
            Reply::Speaks(protocol, reply) => {
                self.is_third = *protocol == Protocol::Resp3;
                self.encode(reply, out);
            }
            Reply::Error(error) => write_error(error, out),
        }
    }

    fn nil(&self, second: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(if self.is_third { b"_\r\n" } else { second });
    }

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        if !self.is_third {
            return bulk(text.as_bytes(), out);
        }
        head(b'=', text.len() + 4, out);
        out.extend_from_slice(b"txt:");
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// The shortest spelling that reads back as the same number.
    fn double(&self, number: f64, out: &mut Vec<u8>) {
        let text = match number {
            number if number.is_nan() => "nan".to_owned(),
            f64::INFINITY => "inf".to_owned(),
            f64::NEG_INFINITY => "-inf".to_owned(),
            number => number.to_string(),
        };
        if self.is_third { line(b',', text.as_bytes(), out) } else { bulk(text.as_bytes(), out) }
    }

    fn list(&self, items: &[Option<Bytes>], out: &mut Vec<u8>) {
        head(b'*', items.len(), out);
        for item in items {
            match item {
                Some(item) => bulk(item, out),
                None => self.nil(b"$-1\r\n", out),
            }
        }
    }

    fn all(&mut self, kind: u8, items: &[Reply], out: &mut Vec<u8>) {
        head(kind, items.len(), out);
        for item in items {
            self.encode(item, out);
        }
    }

    fn map(&mut self, pairs: &[(Reply, Reply)], out: &mut Vec<u8>) {
        if self.is_third {
            head(b'%', pairs.len(), out);
        } else {
            head(b'*', 2 * pairs.len(), out);
        }
        for (name, value) in pairs {
            self.encode(name, out);
            self.encode(value, out);
        }
    }

    /// In version 3 an array of arrays, since their order has a meaning.
    fn pairs(&self, pairs: &[(Bytes, Bytes)], out: &mut Vec<u8>) {
        head(b'*', if self.is_third { pairs.len() } else { 2 * pairs.len() }, out);
        for (key, value) in pairs {
            if self.is_third {
                out.extend_from_slice(b"*2\r\n");
            }
            bulk(key, out);
            bulk(value, out);
        }
    }
}

fn bulk(bytes: &[u8], out: &mut Vec<u8>) {
    head(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn head(kind: u8, number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A line of text, which cannot end before its end.
fn line(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    let start = out.len();
    out.extend_from_slice(text);
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// An error in Valkey's words, where Valkey has such an error.
fn write_error(error: &ErrorReply, out: &mut Vec<u8>) {
    let text = match error {
        ErrorReply::Coded(text) => return line(b'-', text.as_bytes(), out),
        ErrorReply::Forbidden(_) => return line(b'-', format!("NOPERM {error}").as_bytes(), out),
        ErrorReply::Unknown(request) => return line(b'-', &unknown(request), out),
        ErrorReply::Misuse { command, .. } => {
            let command = command.replace(' ', "|");
            format!("wrong number of arguments for '{command}' command")
        }
        ErrorReply::OutcomeUnknown(name) => {
            let name = name.to_uppercase();
            format!("store connection lost; \"{name}\" may or may not have been applied.")
        }
        ErrorReply::Failed(_) | ErrorReply::Unavailable(_) => error.to_string(),
    };
    line(b'-', format!("ERR {text}").as_bytes(), out);
}

/// Valkey's words, letter for letter: name and arguments as C strings, cut short.
fn unknown(request: &Request) -> Vec<u8> {
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(c_string(&request.name, SHOWN));
    text.extend_from_slice(b"', with args beginning with: ");
    let mut shown = 0;
    for arg in &request.args {
        if shown >= SHOWN {
            break;
        }
        let arg = c_string(arg, SHOWN - shown);
        text.push(b'\'');
        text.extend_from_slice(arg);
        text.extend_from_slice(b"' ");
        shown += arg.len() + 3;
    }
    text
}

/// The bytes up to a NUL, and no more than `most`.
fn c_string(bytes: &[u8], most: usize) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    &bytes[..end.min(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(protocol: Protocol, reply: Reply) -> String {
        let mut out = Vec::new();
        Encoder::default().encode(&Reply::Speaks(protocol, Box::new(reply)), &mut out);
        String::from_utf8(out).expect("text").replace("\r\n", "~")
    }

    #[test]
    fn every_kind_of_reply_has_its_form_in_both_versions() {
        let pair = (Bytes::from("k"), Bytes::from("v"));
        for (reply, second, third) in [
            (Reply::OK, "+OK~", "+OK~"),
            (Reply::Word("a\nb".into()), "+a b~", "+a b~"),
            (Reply::Text("a\r\n".into()), "$3~a~~", "=7~txt:a~~"),
            (Reply::Integer(-7), ":-7~", ":-7~"),
            (Reply::Double(1.5), "$3~1.5~", ",1.5~"),
            (Reply::Double(f64::NEG_INFINITY), "$4~-inf~", ",-inf~"),
            (Reply::Boolean(true), ":1~", "#t~"),
            (Reply::Boolean(false), ":0~", "#f~"),
            (Reply::Value("".into()), "$0~~", "$0~~"),
            (Reply::Nil, "$-1~", "_~"),
            (Reply::NilList, "*-1~", "_~"),
            (Reply::List(vec![Some("a".into()), None]), "*2~$1~a~$-1~", "*2~$1~a~_~"),
            (Reply::Array(vec![Reply::OK, Reply::Nil]), "*2~+OK~$-1~", "*2~+OK~_~"),
            (Reply::Set(vec![Reply::OK]), "*1~+OK~", "~1~+OK~"),
            (Reply::Map(vec![(Reply::OK, Reply::Nil)]), "*2~+OK~$-1~", "%1~+OK~_~"),
            (Reply::Pairs(vec![pair]), "*2~$1~k~$1~v~", "*1~*2~$1~k~$1~v~"),
        ] {
            assert_eq!(encoded(Protocol::Resp2, reply.clone()), second);
            assert_eq!(encoded(Protocol::Resp3, reply), third);
        }
    }

    #[test]
    fn errors_are_in_valkeys_words() {
        let misuse = ErrorReply::Misuse { command: "client setname", rule: "requires a name." };
        for (error, expected) in [
            (ErrorReply::Failed("syntax error".into()), "-ERR syntax error~"),
            (ErrorReply::Failed("two\r\nlines".into()), "-ERR two  lines~"),
            (ErrorReply::Coded("WRONGTYPE x".into()), "-WRONGTYPE x~"),
            (misuse, "-ERR wrong number of arguments for 'client|setname' command~"),
            (ErrorReply::Forbidden("save"), "-NOPERM \"save\" command is for administrators.~"),
            (ErrorReply::Unavailable("no".into()), "-ERR store unavailable: no~"),
            (
                ErrorReply::OutcomeUnknown("set"),
                "-ERR store connection lost; \"SET\" may or may not have been applied.~",
            ),
        ] {
            assert_eq!(encoded(Protocol::Resp2, Reply::Error(error)), expected);
        }
    }

    #[test]
    fn an_unknown_command_is_shown_as_valkey_shows_it() {
        let shown = |words: &[&[u8]]| {
            let mut words = words.iter().map(|word| Bytes::copy_from_slice(word));
            let name = words.next().expect("a name");
            unknown(&Request { name, args: words.collect() }).escape_ascii().to_string()
        };
        let text = |name: &str, args: &str| {
            format!("ERR unknown command '{name}', with args beginning with: {args}")
                .replace('\'', "\\'")
        };
        let long = |letter: &str, count| letter.repeat(count);
        assert_eq!(shown(&[b"FOO"]), text("FOO", ""));
        assert_eq!(shown(&[b"f\0oo", b"b az", b""]), text("f", "'b az' '' "));
        let name = long("f", 200);
        assert_eq!(shown(&[name.as_bytes(), b"a"]), text(&long("f", 128), "'a' "));
        let (a, b) = (long("a", 100), long("b", 100));
        let expected = format!("'{a}' '{}' ", long("b", 25));
        assert_eq!(shown(&[b"FOO", a.as_bytes(), b.as_bytes(), b"c"]), text("FOO", &expected));
        let (most, almost) = (long("a", 125), long("a", 124));
        assert_eq!(shown(&[b"F", most.as_bytes(), b"b"]), text("F", &format!("'{most}' ")));
        assert_eq!(shown(&[b"F", almost.as_bytes(), b"b"]), text("F", &format!("'{almost}' 'b' ")));
    }
}
