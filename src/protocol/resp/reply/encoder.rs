//! The encoding of replies by the daemon.

use bytes::Bytes;

use super::error::{end_line, write_error};
use crate::message::{Protocol, Reply};
use crate::protocol::resp::double::write_double;
use crate::protocol::resp::number::{write_length, write_number};

/// Encodes replies in the connection's version of RESP.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Whether the version is RESP3; otherwise it is RESP2.
    third: bool,
}

impl Encoder {
    /// An encoder for `protocol`.
    pub fn new(protocol: Protocol) -> Encoder {
        Encoder { third: protocol == Protocol::Resp3 }
    }

    /// Appends `reply`. A [`Reply::Speaks`] at any depth changes the version from there on.
    pub fn encode(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        match reply {
            Reply::Status("OK") => out.extend_from_slice(b"+OK\r\n"),
            Reply::Status(word) => write_line(word, out),
            Reply::Word(text) => write_line(text, out),
            Reply::Text(text) => self.write_text(text, out),
            Reply::Integer(number) => write_number(b':', *number, out),
            Reply::Double(number) => self.write_double(*number, out),
            Reply::Boolean(truth) => self.write_boolean(*truth, out),
            Reply::Value(value) => write_bulk(value, out),
            Reply::Nil => self.write_nil(b"$-1\r\n", out),
            Reply::NilList => self.write_nil(b"*-1\r\n", out),
            Reply::List(items) => self.write_list(items, out),
            Reply::Array(items) => self.write_items(b'*', items, out),
            Reply::Set(items) => {
                self.write_items(if self.third { b'~' } else { b'*' }, items, out);
            }
            Reply::Map(pairs) => self.write_map(pairs, out),
            Reply::Pairs(pairs) => self.write_pairs(pairs, out),
            Reply::Speaks(protocol, reply) => {
                self.third = *protocol == Protocol::Resp3;
                self.encode(reply, out);
            }
            Reply::Error(error) => write_error(error, out),
        }
    }

    fn write_nil(&self, second: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(if self.third { b"_\r\n" } else { second });
    }

    fn write_text(&self, text: &str, out: &mut Vec<u8>) {
        if self.third {
            write_number(b'=', text.len() + 4, out);
            out.extend_from_slice(b"txt:");
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b"\r\n");
        } else {
            write_bulk(text.as_bytes(), out);
        }
    }

    fn write_double(&self, number: f64, out: &mut Vec<u8>) {
        if self.third {
            out.push(b',');
            write_double(number, out);
            out.extend_from_slice(b"\r\n");
        } else {
            let mut text = Vec::new();
            write_double(number, &mut text);
            write_bulk(&text, out);
        }
    }

    fn write_boolean(&self, truth: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(match (self.third, truth) {
            (true, true) => b"#t\r\n",
            (true, false) => b"#f\r\n",
            (false, true) => b":1\r\n",
            (false, false) => b":0\r\n",
        });
    }

    fn write_list(&self, items: &[Option<Bytes>], out: &mut Vec<u8>) {
        write_length(b'*', items.len(), out);
        for item in items {
            match item {
                Some(item) => write_bulk(item, out),
                None => self.write_nil(b"$-1\r\n", out),
            }
        }
    }

    fn write_items(&mut self, first: u8, items: &[Reply], out: &mut Vec<u8>) {
        write_number(first, items.len(), out);
        for item in items {
            self.encode(item, out);
        }
    }

    fn write_map(&mut self, pairs: &[(Reply, Reply)], out: &mut Vec<u8>) {
        if self.third {
            write_number(b'%', pairs.len(), out);
        } else {
            write_number(b'*', pairs.len() * 2, out);
        }
        for (name, value) in pairs {
            self.encode(name, out);
            self.encode(value, out);
        }
    }

    /// RESP3 has each pair in an array of its own, as for ZRANGE WITHSCORES.
    fn write_pairs(&self, pairs: &[(Bytes, Bytes)], out: &mut Vec<u8>) {
        write_number(b'*', if self.third { pairs.len() } else { pairs.len() * 2 }, out);
        for (key, value) in pairs {
            if self.third {
                out.extend_from_slice(b"*2\r\n");
            }
            write_bulk(key, out);
            write_bulk(value, out);
        }
    }
}

fn write_line(text: &str, out: &mut Vec<u8>) {
    out.push(b'+');
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    end_line(start, out);
}

/// Appends a bulk string of any bytes.
pub(crate) fn write_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    write_length(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(protocol: Protocol, reply: &Reply) -> String {
        let mut out = Vec::new();
        Encoder::new(protocol).encode(reply, &mut out);
        out.escape_ascii().to_string().replace("\\'", "'").replace("\\r\\n", "|")
    }

    #[test]
    fn every_kind_of_reply_has_its_form_in_both_versions() {
        let value = Reply::value;
        for (reply, second, third) in [
            (Reply::OK, "+OK|", "+OK|"),
            (Reply::Word("a\nb\r".to_owned()), "+a b |", "+a b |"),
            (Reply::Text("a\r\nb".to_owned()), "$4|a|b|", "=8|txt:a|b|"),
            (Reply::Text(String::new()), "$0||", "=4|txt:|"),
            (Reply::Integer(i64::MIN), ":-9223372036854775808|", ":-9223372036854775808|"),
            (Reply::Double(0.5), "$3|0.5|", ",0.5|"),
            (Reply::Double(f64::NEG_INFINITY), "$4|-inf|", ",-inf|"),
            (Reply::Boolean(true), ":1|", "#t|"),
            (Reply::Boolean(false), ":0|", "#f|"),
            (Reply::Value(Bytes::from_static(b"\0\xff")), r"$2|\x00\xff|", r"$2|\x00\xff|"),
            (value(""), "$0||", "$0||"),
            (Reply::Nil, "$-1|", "_|"),
            (Reply::NilList, "*-1|", "_|"),
            (Reply::List(vec![]), "*0|", "*0|"),
            (Reply::List(vec![Some("a".into()), None]), "*2|$1|a|$-1|", "*2|$1|a|_|"),
            (
                Reply::Array(vec![Reply::OK, Reply::Nil, Reply::failed("x")]),
                "*3|+OK|$-1|-ERR x|",
                "*3|+OK|_|-ERR x|",
            ),
            (Reply::Set(vec![Reply::Integer(1)]), "*1|:1|", "~1|:1|"),
            (
                Reply::Map(vec![(value("a"), Reply::Integer(1)), (value("b"), Reply::Nil)]),
                "*4|$1|a|:1|$1|b|$-1|",
                "%2|$1|a|:1|$1|b|_|",
            ),
            (
                Reply::Pairs(vec![("a".into(), "1".into()), ("b".into(), "2".into())]),
                "*4|$1|a|$1|1|$1|b|$1|2|",
                "*2|*2|$1|a|$1|1|*2|$1|b|$1|2|",
            ),
        ] {
            assert_eq!(encoded(Protocol::Resp2, &reply), second, "{reply:?}");
            assert_eq!(encoded(Protocol::Resp3, &reply), third, "{reply:?}");
        }
    }

    #[test]
    fn a_connection_speaks_another_version_from_the_reply_that_says_so() {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        let speaks = |protocol| Reply::Speaks(protocol, Box::new(Reply::Map(vec![])));
        for reply in [
            Reply::Nil,
            speaks(Protocol::Resp3),
            Reply::Nil,
            Reply::Array(vec![Reply::Nil, speaks(Protocol::Resp2), Reply::Nil]),
            Reply::Nil,
        ] {
            encoder.encode(&reply, &mut out);
        }
        assert_eq!(out, b"$-1\r\n%0\r\n_\r\n*3\r\n_\r\n*0\r\n$-1\r\n$-1\r\n");
    }
}
