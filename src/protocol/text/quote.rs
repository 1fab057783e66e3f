//! Quoted words: when a word must be quoted, how it is written, and how it is read.

/// The place of a word in a reply, which decides what would be ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The word is the whole line.
    Alone,
    /// The word is one of several, separated by spaces.
    Listed,
    /// The word is a key before a colon.
    BeforeColon,
}

/// The number of bytes examined together. No single byte ends the loop inside a block, so that the
/// compiler can compare many at a time.
const BLOCK: usize = 64;

/// Whether `word`, written raw, would be read back as something else.
fn is_ambiguous(word: &[u8], place: Place) -> bool {
    word.is_empty()
        || matches!(word[0], b'"' | b'(')
        || word.starts_with(b"ERROR")
        || any(word, |byte| matches!(byte, 0..0x20 | 0x7f))
        || (place != Place::Alone && any(word, |byte| matches!(byte, b' ' | b'"')))
        || (place == Place::BeforeColon && word.contains(&b':'))
}

/// Whether `value` is written raw if it is the whole line.
pub fn is_raw(value: &[u8]) -> bool {
    !is_ambiguous(value, Place::Alone)
}

/// Whether any byte satisfies `is_such`.
fn any(word: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    word.chunks(BLOCK).any(|block| block.iter().fold(false, |any, byte| any | is_such(*byte)))
}

/// Writes `word` raw if that is unambiguous, otherwise quoted.
pub fn write_word(word: &[u8], place: Place, out: &mut Vec<u8>) {
    if is_ambiguous(word, place) {
        write_quoted(word, out);
    } else {
        out.extend_from_slice(word);
    }
}

/// Writes `word` in quotes, with escapes.
pub(super) fn write_quoted(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape(word, out);
    out.push(b'"');
}

/// Writes `word` with control characters, quotes and backslashes escaped.
pub(super) fn escape(word: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in word {
        let letter = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x07 => b'a',
            0x08 => b'b',
            b'\\' | b'"' => byte,
            0..0x20 | 0x7f => {
                let [high, low] = [byte >> 4, byte & 0xf].map(|half| HEX[usize::from(half)]);
                out.extend_from_slice(&[b'\\', b'x', high, low]);
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
}

/// Reads the word after an opening quote; returns its bytes and the length read, including the
/// closing quote. `None` if no quote closes it or an escape is unknown.
pub(super) fn read_quoted(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut word = Vec::new();
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some((word, at + 1)),
            b'\\' => {
                let (byte, taken) = read_escape(text.get(at + 1..)?)?;
                word.push(byte);
                at += 1 + taken;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// Reads an escape after its backslash: the byte it stands for, and its length.
fn read_escape(text: &[u8]) -> Option<(u8, usize)> {
    let byte = match text.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        b'\\' => b'\\',
        b'"' => b'"',
        b'x' => {
            let hex = |at: usize| char::from(*text.get(at)?).to_digit(16);
            let byte = hex(1)? << 4 | hex(2)?;
            return Some((u8::try_from(byte).ok()?, 3));
        }
        _ => return None,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(word: &[u8], place: Place) -> String {
        let mut out = Vec::new();
        write_word(word, place, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_word_is_raw_where_that_is_unambiguous() {
        for word in ["a", "hello   world", "a\"b", "a(b", "xERROR", "error", "é", "a:b", "a\\n"] {
            assert_eq!(written(word.as_bytes(), Place::Alone), word);
        }
        for word in ["a", "a(b", "a:b", "é"] {
            assert_eq!(written(word.as_bytes(), Place::Listed), word);
        }
    }

    #[test]
    fn a_word_is_quoted_where_it_could_be_taken_for_something_else() {
        for (word, expected) in [
            (&b""[..], r#""""#),
            (b"\"", r#""\"""#),
            (b"(nil)", r#""(nil)""#),
            (b"ERROR: x", r#""ERROR: x""#),
            (b"ERRORS", r#""ERRORS""#),
            (b"a\nb\r\t\x07\x08", r#""a\nb\r\t\a\b""#),
            (b"\0\x1b\x7f\\", r#""\x00\x1b\x7f\\""#),
        ] {
            assert_eq!(written(word, Place::Alone), expected);
        }
        for place in [Place::Alone, Place::Listed, Place::BeforeColon] {
            for at in [0, 1, 63, 64, 65, 127, 128, 199] {
                for byte in 0..=u8::MAX {
                    let mut word = [b'x'; 200];
                    word[at] = byte;
                    let is_first = at == 0 && matches!(byte, b'"' | b'(');
                    let is_expected = match byte {
                        0..0x20 | 0x7f => true,
                        b' ' | b'"' if place != Place::Alone => true,
                        b':' => place == Place::BeforeColon,
                        _ => is_first,
                    };
                    assert_eq!(is_ambiguous(&word, place), is_expected, "{byte} at {at}");
                }
            }
        }
        assert_eq!(written(b"a b", Place::Listed), r#""a b""#);
        assert_eq!(written(b"a\"b", Place::Listed), r#""a\"b""#);
        assert_eq!(written(b"a:b", Place::BeforeColon), r#""a:b""#);
    }

    #[test]
    fn escapes_are_read_in_either_case_and_unknown_ones_are_refused() {
        assert_eq!(read_quoted(br#"\x4a\x4A\n" tail"#), Some((b"JJ\n".to_vec(), 11)));
        for text in [&b""[..], b"abc", b"\\", b"\\q\"", b"\\x1\"", b"\\x", b"\\xg0\"", b"a\\\""] {
            assert_eq!(read_quoted(text), None, "{text:?}");
        }
    }
}
