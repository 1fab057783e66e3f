//! The splitting of an inline request into words, as by Valkey's `sdssplitargs`.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::message::Args;

/// A quote is not closed, or text follows a closing quote directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// Splits `line` (without its end). Words without quotes are slices of it.
pub(crate) fn split_words(line: &Bytes) -> Result<Args, Unbalanced> {
    let mut words = SmallVec::new();
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| is_blank(**byte)).count();
        if at == line.len() {
            return Ok(words);
        }
        let plain = line[at..].iter().position(|byte| is_blank(*byte) || is_quote(*byte));
        let plain = plain.map_or(line.len(), |length| at + length);
        match line.get(plain) {
            Some(quote) if is_quote(*quote) => {
                let mut word = line[at..plain].to_vec();
                at = plain + 1;
                at += read_quoted(&line[at..], *quote, &mut word).ok_or(Unbalanced)?;
                if line.get(at).is_some_and(|byte| !is_blank(*byte)) {
                    return Err(Unbalanced);
                }
                words.push(Bytes::from(word));
            }
            _ => {
                words.push(line.slice(at..plain));
                at = plain;
            }
        }
    }
}

/// Appends the content of `text` up to `quote` to `word`; returns the number of bytes read,
/// including `quote`.
fn read_quoted(text: &[u8], quote: u8, word: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        let (byte, taken) = match &text[at..] {
            [] => return None,
            [byte, ..] if *byte == quote => return Some(at + 1),
            [b'\\', b'\'', ..] if quote == b'\'' => (b'\'', 2),
            [b'\\', rest @ ..] if quote == b'"' => unescape(rest)?,
            [byte, ..] => (*byte, 1),
        };
        word.push(byte);
        at += taken;
    }
}

/// The byte that an escape stands for, and the escape's length with its backslash.
fn unescape(after: &[u8]) -> Option<(u8, usize)> {
    if let [b'x', high, low, ..] = after
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        return Some((high << 4 | low, 4));
    }
    let byte = match after.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => *other,
    };
    Some((byte, 2))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// C's other blanks are control bytes, which no line contains.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &'static str) -> Result<Vec<Vec<u8>>, Unbalanced> {
        let words = split_words(&Bytes::from_static(line.as_bytes()))?;
        Ok(words.iter().map(|word| word.to_vec()).collect())
    }

    #[test]
    fn words_are_split_where_valkey_splits_them() {
        let cases: &[(&str, &[&[u8]])] = &[
            ("", &[]),
            (" \t\r ", &[]),
            ("ping", &[b"ping"]),
            ("\t ping \r a  ", &[b"ping", b"a"]),
            (r#"ping """#, &[b"ping", b""]),
            (r#"ping a"b c""#, &[b"ping", b"ab c"]),
            ("ping a'b'", &[b"ping", b"ab"]),
            ("'ping'", &[b"ping"]),
            (r#""\x41\xfF\n\r\t\b\a\q\"\\""#, &[b"A\xff\n\r\t\x08\x07q\"\\"]),
            (r#""\x4" "\xg1" "\x""#, &[b"x4", b"xg1", b"x"]),
            (r#"'\'\n"'"#, &[br#"'\n""#]),
            (r"a\ b", &[br"a\", b"b"]),
        ];
        for (line, expected) in cases {
            let expected = expected.iter().map(|word| word.to_vec()).collect();
            assert_eq!(words(line), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn unbalanced_quotes_are_refused_where_valkey_refuses_them() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "''''", r#""a\"#, r#""a\""#, r"'a\'", "a'"] {
            assert_eq!(words(line), Err(Unbalanced), "{line:?}");
        }
    }
}
