//! Which replies are free even between two servers of the same program, and what of them must
//! agree all the same. Errors are never free.

use crate::support::wire::frame::{bulk, elements, integer};
use crate::word::Words;

/// How far apart the clocks of one command on two servers may be, in milliseconds.
const TOLERANCE: i64 = 2000;

/// Times that only come of those that `word.rs` gives as absolute ones, in seconds: these are kept
/// exactly.
const ABSOLUTE: std::ops::RangeInclusive<i64> = 98_900_000_000..=100_000_000_000;

/// Whether the replies of two servers to one command agree.
pub(crate) fn agree(command: &Words, first: &[u8], second: &[u8]) -> bool {
    if first == second {
        return true;
    }
    if first.starts_with(b"-") || kind(first) != kind(second) {
        return false;
    }
    let [name, argument] = [0, 1].map(|place| command.get(place).cloned().unwrap_or_default());
    match (upper(&name).as_str(), upper(&argument).as_str()) {
        ("TTL", _) => near(first, second, 1),
        ("PTTL", _) => near(first, second, 1000),
        ("EXPIRETIME", _) => !absolute(first, 1) && near(first, second, 1),
        ("PEXPIRETIME", _) => !absolute(first, 1000) && near(first, second, 1000),
        ("KEYS", _) => sorted(first) == sorted(second),
        // The iterations that are walked to their end are compared as sets elsewhere.
        ("SCAN" | "TIME", _) | ("COMMAND", "INFO") => kinds(first) == kinds(second),
        ("CONFIG", "GET") => names(first) == names(second),
        // Depends on the clock, the build, the order of the server's hash table or its settings.
        ("RANDOMKEY" | "INFO" | "LASTSAVE", _)
        | ("CLIENT", "ID" | "INFO" | "LIST")
        | ("MEMORY", "USAGE")
        | ("OBJECT", "IDLETIME")
        // Which commands there are, and what is told of them, is each server's own.
        | ("COMMAND", "" | "COUNT" | "DOCS" | "LIST") => true,
        ("HELLO", _) => welcome(first) == welcome(second),
        _ => false,
    }
}

/// A word as the table of commands writes it.
pub(crate) fn upper(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_uppercase()
}

/// The type of a reply, nulls apart from values.
fn kind(frame: &[u8]) -> (Option<&u8>, bool) {
    (frame.first(), frame.get(1) == Some(&b'-'))
}

fn kinds(frame: &[u8]) -> Option<Vec<(Option<&u8>, bool)>> {
    Some(elements(frame)?.into_iter().map(kind).collect())
}

fn sorted(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let mut elements = elements(frame)?;
    elements.sort_unstable();
    Some(elements)
}

/// The names of name and value pairs.
fn names(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let mut names: Vec<&[u8]> = elements(frame)?.into_iter().step_by(2).collect();
    names.sort_unstable();
    Some(names)
}

/// HELLO's fields without what tells one server from another.
fn welcome(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let own = [&b"server"[..], b"version", b"id"];
    let mut fields = elements(frame)?;
    for field in fields.chunks_mut(2) {
        if bulk(field[0]).is_some_and(|name| own.contains(&name)) {
            field[1] = b"";
        }
    }
    Some(fields)
}

/// Whether two times, in `scale`ths of a second, differ no more than two clocks may.
fn near(first: &[u8], second: &[u8], scale: i64) -> bool {
    let (Some(first), Some(second)) = (integer(first), integer(second)) else { return false };
    let tolerance = (TOLERANCE * scale / 1000).unsigned_abs();
    first >= 0 && second >= 0 && first.abs_diff(second) <= tolerance
}

fn absolute(time: &[u8], scale: i64) -> bool {
    integer(time).is_some_and(|time| ABSOLUTE.contains(&(time / scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies_agree(command: &str, first: &str, second: &str) -> bool {
        let command = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        agree(&command, first.as_bytes(), second.as_bytes())
    }

    #[test]
    fn times_agree_within_two_seconds_unless_they_are_absolute() {
        assert!(replies_agree("ttl k", ":100\r\n", ":101\r\n"));
        assert!(!replies_agree("TTL k", ":100\r\n", ":104\r\n"));
        assert!(!replies_agree("TTL k", ":1\r\n", ":-1\r\n"));
        assert!(!replies_agree("EXPIRETIME k", ":99999999991\r\n", ":99999999990\r\n"));
        assert!(replies_agree("PEXPIRETIME k", ":1800000000123\r\n", ":1800000000124\r\n"));
    }

    #[test]
    fn free_replies_still_agree_in_kind() {
        assert!(replies_agree("KEYS *", "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n"));
        assert!(!replies_agree("KEYS *", "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+b\r\n"));
        assert!(replies_agree("RANDOMKEY", "$1\r\na\r\n", "$2\r\nbc\r\n"));
        assert!(!replies_agree("RANDOMKEY", "$1\r\na\r\n", "$-1\r\n"));
        assert!(!replies_agree("CLIENT ID", "-ERR a\r\n", "-ERR b\r\n"));
        assert!(!replies_agree("GET k", "$1\r\na\r\n", "$1\r\nb\r\n"));
    }
}
