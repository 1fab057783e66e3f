//! The differences between Valkey and kvsock that are meant, each with its reason. Whatever is not
//! here is a bug.
//!
//! Some are not met at all, because the grammar keeps away from them or the reference is set up so
//! that it agrees: under a prefix kvsock refuses DBSIZE, RANDOMKEY, FLUSHDB and FLUSHALL in a
//! transaction, since no one command of Valkey does that; it has one database; and commands outside its
//! table are unknown.

use crate::free::upper;
use crate::server::Engine;
use crate::word::Words;

/// Why kvsock's reply may differ from Valkey's here, if it may.
pub(crate) fn reason(
    engine: Engine,
    command: &Words,
    valkey: &[u8],
    kvsock: &[u8],
) -> Option<&'static str> {
    let words: Vec<String> = command.iter().take(2).map(|word| upper(word)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_error = [valkey, kvsock].iter().all(|reply| reply.starts_with(b"-"));
    if is_error && String::from_utf8_lossy(valkey) == String::from_utf8_lossy(kvsock) {
        return Some("an error that repeats bytes that are no text shows them as U+FFFD");
    }
    match words.as_slice() {
        ["COMMAND", "INFO"] if [valkey, kvsock].iter().all(|reply| reply.starts_with(b"*")) => {
            Some("kvsock describes its own commands, with fewer flags")
        }
        [_, "HELP"] if [valkey, kvsock].iter().all(|reply| reply.starts_with(b"*")) => {
            Some("kvsock says in its own words what its subcommands do")
        }
        ["SETRANGE", _] if valkey.starts_with(b"-WRONGTYPE ") && is_too_long(kvsock) => {
            Some("kvsock refuses what makes a value too long before it is sent")
        }
        ["SCAN", cursor] if engine == Engine::Embedded && *cursor != "0" && is_lost(kvsock) => {
            Some("the embedded store knows only cursors that it has given")
        }
        ["KEYS", pattern] if engine == Engine::Prefixed && is_all_stars(pattern) => {
            Some("to Valkey a key that is empty but for the prefix is not empty")
        }
        ["OBJECT", "ENCODING"]
            if engine == Engine::Embedded && [valkey, kvsock].map(is_encoding) == [true; 2] =>
        {
            Some("the embedded store keeps bytes: how a value came about leaves no trace")
        }
        ["OBJECT", "REFCOUNT"]
            if engine == Engine::Embedded && valkey.starts_with(b":") && kvsock == b":1\r\n" =>
        {
            Some("the embedded store shares no objects")
        }
        _ => None,
    }
}

fn is_too_long(reply: &[u8]) -> bool {
    reply.starts_with(b"-ERR string exceeds maximum allowed size ")
}

fn is_lost(reply: &[u8]) -> bool {
    reply.ends_with(b" is not known any more; begin again with 0\r\n")
}

fn is_all_stars(pattern: &str) -> bool {
    pattern.bytes().all(|byte| byte == b'*')
}

fn is_encoding(reply: &[u8]) -> bool {
    [&b"$3\r\nint\r\n"[..], b"$6\r\nembstr\r\n", b"$3\r\nraw\r\n"].contains(&reply)
}
