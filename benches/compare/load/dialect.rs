//! The bytes of requests and of the replies that they must get, in each protocol.

use super::{key, value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// kvsock's text protocol.
    Text,
    /// RESP2.
    Resp,
    /// memcached's text protocol.
    Memcached,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Set,
}

/// Requests sent in one piece, and the whole reply to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub(crate) request: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    pub(crate) depth: u64,
}

impl Batch {
    /// One request for each of the keys.
    pub(crate) fn new(
        dialect: Dialect,
        verb: Verb,
        size: usize,
        keys: impl IntoIterator<Item = u64>,
    ) -> Batch {
        let (mut batch, value) = (Batch::default(), value(size));
        for number in keys {
            let key = key(size, number);
            batch.request.extend(request(dialect, verb, &key, &value).into_bytes());
            batch.reply.extend(reply(dialect, verb, &key, &value).into_bytes());
            batch.depth += 1;
        }
        batch
    }
}

fn request(dialect: Dialect, verb: Verb, key: &str, value: &str) -> String {
    let words = match verb {
        Verb::Get => &["get", key][..],
        Verb::Set => &["set", key, value],
    };
    match (dialect, verb) {
        (Dialect::Text, _) => format!("{}\n", words.join(" ")),
        (Dialect::Memcached, Verb::Get) => format!("get {key}\r\n"),
        (Dialect::Memcached, Verb::Set) => format!("set {key} 0 0 {}\r\n{value}\r\n", value.len()),
        (Dialect::Resp, _) => {
            let bulks = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
            format!("*{}\r\n{}", words.len(), bulks.collect::<String>())
        }
    }
}

fn reply(dialect: Dialect, verb: Verb, key: &str, value: &str) -> String {
    match (dialect, verb) {
        (Dialect::Text, Verb::Get) => format!("{value}\n"),
        (Dialect::Text, Verb::Set) => "OK\n".to_owned(),
        (Dialect::Resp, Verb::Get) => format!("${}\r\n{value}\r\n", value.len()),
        (Dialect::Resp, Verb::Set) => "+OK\r\n".to_owned(),
        (Dialect::Memcached, Verb::Get) => {
            format!("VALUE {key} 0 {}\r\n{value}\r\nEND\r\n", value.len())
        }
        (Dialect::Memcached, Verb::Set) => "STORED\r\n".to_owned(),
    }
}
