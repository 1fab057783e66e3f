//! Random patterns of `KEYS` and of SCAN's MATCH over keys of any bytes, on a plain Valkey and on the
//! embedded store, which has a matcher of its own.

use std::collections::BTreeSet;

use crate::connection::Connection;
use crate::number;
use crate::server::{Engine, Server};
use crate::support::wire::frame::{bulk, elements};
use crate::word::{Source, Words};

/// Bytes at the bounds of what is signed and unsigned, and the letters of patterns.
const BYTES: &[u8] = b"\x00\x01 !*-?A[\\]^az\x7f\x80\x81\xbf\xc3\xfe\xff";
/// Patterns that are compared.
const PATTERNS: usize = 3_000;

fn bytes(source: &mut Source, most: usize) -> Vec<u8> {
    (0..source.below(most + 1)).map(|_| source.one(BYTES)).collect()
}

/// One that often has a class with a range.
fn pattern(source: &mut Source) -> Vec<u8> {
    let mut pattern = bytes(source, 2);
    if source.percent(80) {
        pattern.extend(if source.percent(30) { &b"[^"[..] } else { b"[" });
        for _ in 0..=source.below(2) {
            pattern.extend([source.one(BYTES), b'-', source.one(BYTES)]);
        }
        pattern.extend(bytes(source, 1));
        pattern.push(b']');
    }
    pattern.extend(if source.percent(30) { &b"*"[..] } else { b"" });
    pattern
}

/// The keys in an array.
fn keys(array: &[u8]) -> BTreeSet<Vec<u8>> {
    let keys = elements(array).expect("an array").into_iter();
    keys.map(|key| bulk(key).expect("a key").to_vec()).collect()
}

#[test]
fn globs_match_bytes_past_ascii_as_in_valkey() {
    let (Some(reference), Some(subject)) =
        (Server::start(Engine::Plain), Server::start(Engine::Embedded))
    else {
        return;
    };
    let seed = number("KVSOCK_TEST_SEED").unwrap_or_else(rand::random);
    let mut source = Source::new(seed);
    let mut servers = [&reference, &subject].map(|it| Connection::open(&it.socket(), false));
    let one_byte = (0..=u8::MAX).map(|byte| vec![byte]);
    let stored: Vec<Vec<u8>> = one_byte.chain((0..200).map(|_| bytes(&mut source, 4))).collect();
    for server in &mut servers {
        for key in &stored {
            server.send(&[vec![b"SET".to_vec(), key.clone(), b"".to_vec()]]);
            assert_eq!(server.reply(), b"+OK\r\n");
        }
    }
    for _ in 0..PATTERNS {
        let pattern = pattern(&mut source);
        let list: Words = vec![b"KEYS".to_vec(), pattern.clone()];
        let words = ["SCAN", "0", "COUNT", "100000", "MATCH"].map(|it| it.as_bytes().to_vec());
        let scan: Words = words.into_iter().chain([pattern.clone()]).collect();
        for (command, head) in [(list, &b""[..]), (scan, b"*2\r\n$1\r\n0\r\n")] {
            let [expected, found] = servers.each_mut().map(|server| {
                server.send(std::slice::from_ref(&command));
                keys(server.reply().strip_prefix(head).expect("all keys at once"))
            });
            let pattern = pattern.escape_ascii();
            assert_eq!(found, expected, "KVSOCK_TEST_SEED={seed}: \"{pattern}\"");
        }
    }
}
