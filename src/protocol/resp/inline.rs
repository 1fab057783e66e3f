//! Inline commands: lines of words between RESP's frames, for people.

use bytes::Bytes;

use crate::message::Args;

/// Quotes are not closed, or text is glued to a closing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// Splits `line` into words, by the rules of Valkey's inline commands: blanks separate; `"..."` has
/// the escapes `\xHH \n \r \t \b \a` and `\` before any other byte; `'...'` has `\'` alone.
pub(super) fn split(line: &Bytes) -> Result<Args, Unbalanced> {
    let mut words = Args::new();
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if at == line.len() {
            return Ok(words);
        }
        let (word, length) = word(line, at)?;
        words.push(word);
        at += length;
    }
}

/// The word that begins at `at`, and how many bytes it takes.
fn word(line: &Bytes, at: usize) -> Result<(Bytes, usize), Unbalanced> {
    let rest = &line[at..];
    let is_plain = |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'');
    let plain = rest.iter().take_while(|byte| is_plain(byte)).count();
    if rest.get(plain).is_none_or(u8::is_ascii_whitespace) {
        return Ok((line.slice(at..at + plain), plain));
    }
    let mut word = rest[..plain].to_vec();
    let inner = &rest[plain + 1..];
    let length = match rest[plain] {
        b'"' => double_quoted(inner, &mut word)?,
        _ => single_quoted(inner, &mut word)?,
    };
    let end = plain + 1 + length;
    match rest.get(end) {
        Some(byte) if !byte.is_ascii_whitespace() => Err(Unbalanced),
        _ => Ok((word.into(), end)),
    }
}

/// Appends what stands before the closing quote; gives how many bytes that was, with the quote.
fn double_quoted(text: &[u8], word: &mut Vec<u8>) -> Result<usize, Unbalanced> {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Err(Unbalanced),
            [b'"', after @ ..] => return Ok(text.len() - after.len()),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(16 * hex(*high) + hex(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn single_quoted(text: &[u8], word: &mut Vec<u8>) -> Result<usize, Unbalanced> {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Err(Unbalanced),
            [b'\'', after @ ..] => return Ok(text.len() - after.len()),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, Unbalanced> {
        let words = split(&Bytes::copy_from_slice(line.as_bytes()))?;
        Ok(words.iter().map(|word| word.escape_ascii().to_string()).collect())
    }

    #[test]
    fn words_are_those_of_valkeys_inline_commands() {
        for (line, expected) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("get  a\t", &["get", "a"]),
            (r#"set k "a \x41\n\q\"b" "#, &["set", "k", r#"a A\nq\"b"#]),
            (r"set k 'a\'b \n'", &["set", "k", r"a\'b \\n"]),
            (r#"a"b""#, &["ab"]),
            (r#""" ''"#, &["", ""]),
        ] {
            assert_eq!(words(line).expect(line), expected, "{line}");
        }
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "a\"b", "\"a\\"] {
            assert_eq!(words(line), Err(Unbalanced), "{line}");
        }
    }
}
