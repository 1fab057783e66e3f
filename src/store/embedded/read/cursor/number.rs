//! Cursors of `SCAN` as clients write them.

use crate::store::embedded::argument::integer;

/// Reads a cursor as Valkey does, which leaves most to C's `strtoull`.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    // A negative number in canonical form is no cursor. In another form it counts down from the
    // largest number.
    if integer::parse(text).is_some_and(|number| number < 0) {
        return None;
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = std::str::from_utf8(&text[..end]).ok()?;
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // The parser of the standard library would accept a sign, too.
    let number: u64 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
    Some(if text.starts_with('-') { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_in_valkey() {
        for (text, expected) in [
            ("0", Some(0)),
            ("00", Some(0)),
            ("+0", Some(0)),
            (" 0", Some(0)),
            ("-0", Some(0)),
            ("0\0x", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            (" -1", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("", None),
            ("+", None),
            ("++1", None),
            ("1 ", None),
            ("abc", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }
}
