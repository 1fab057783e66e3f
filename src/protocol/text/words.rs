//! The splitting of a line into words.

use bytes::Bytes;
use smallvec::SmallVec;

use super::quote::read_quoted;

/// The words; a usual command with its arguments fits without an allocation.
pub type Words = SmallVec<[Bytes; 4]>;

/// A quote is not closed, an escape is unknown, or text follows a closing quote directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unbalanced;

/// Splits `line` (without its end) into words. If the command takes a value, the word at
/// `value_at(command)` (counted from 0 after the command) is the rest of the line after one
/// separator, unless it begins with a quote.
///
/// Unquoted words are slices of `line`.
pub fn split_words(
    line: &Bytes,
    value_at: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Words, Unbalanced> {
    let mut words = Words::new();
    let mut value = None;
    let mut at = 0;
    loop {
        if value.is_some_and(|value| words.len() == value + 1) {
            // One separator remains before the value; without one there is no value.
            let Some(&first) = line.get(at) else { break };
            debug_assert!(is_separator(first), "a word ends at a separator");
            if line.get(at + 1) != Some(&b'"') {
                words.push(line.slice(at + 1..));
                break;
            }
        }
        at += line[at..].iter().take_while(|byte| is_separator(**byte)).count();
        if at == line.len() {
            break;
        }
        if line[at] == b'"' {
            let (word, taken) = read_quoted(&line[at + 1..]).ok_or(Unbalanced)?;
            at += 1 + taken;
            if line.get(at).is_some_and(|byte| !is_separator(*byte)) {
                return Err(Unbalanced);
            }
            words.push(Bytes::from(word));
        } else {
            let end = line[at..].iter().position(|byte| is_separator(*byte));
            let end = end.map_or(line.len(), |length| at + length);
            words.push(line.slice(at..end));
            at = end;
        }
        if words.len() == 1 {
            value = value_at(&words[0]);
        }
    }
    Ok(words)
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, Unbalanced> {
        let value_at = |name: &[u8]| match name {
            b"set" => Some(1),
            b"setex" => Some(2),
            _ => None,
        };
        let words = split_words(&Bytes::copy_from_slice(line.as_bytes()), value_at)?;
        Ok(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    fn assert_words(line: &str, expected: &[&str]) {
        let expected = expected.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(words(line), Ok(expected), "{line:?}");
    }

    #[test]
    fn blanks_separate_words() {
        assert_words("", &[]);
        assert_words(" \t ", &[]);
        assert_words("get a", &["get", "a"]);
        assert_words("\t get \t a  ", &["get", "a"]);
        assert_words("get a\"b c\"", &["get", "a\"b", "c\""]);
    }

    #[test]
    fn a_value_is_the_rest_of_the_line_after_one_separator() {
        assert_words("set motd hello   world ", &["set", "motd", "hello   world "]);
        assert_words("set  motd  x", &["set", "motd", " x"]);
        assert_words("set motd\tx", &["set", "motd", "x"]);
        assert_words("set motd ", &["set", "motd", ""]);
        assert_words("set motd", &["set", "motd"]);
        assert_words("set ", &["set"]);
        assert_words("set \"a b\" c d", &["set", "a b", "c d"]);
        assert_words("setex k 10 a \"b", &["setex", "k", "10", "a \"b"]);
        assert_words("setex k 10", &["setex", "k", "10"]);
        assert_words("get k 10  x", &["get", "k", "10", "x"]);
    }

    #[test]
    fn a_value_that_begins_with_a_quote_is_one_quoted_word() {
        assert_words(r#"set k "a b""#, &["set", "k", "a b"]);
        assert_words(r#"set k "a\n" "#, &["set", "k", "a\n"]);
        assert_words(r#"set k "a" b"#, &["set", "k", "a", "b"]);
        assert_words(r#"set k "a" "b""#, &["set", "k", "a", "b"]);
        assert_words(r#"set k  "a""#, &["set", "k", r#" "a""#]);
        assert_words(r#""set" k "" "#, &["set", "k", ""]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"get "a"#, r#"get "a"b"#, r#"get "a\q""#, r#"set k "a"#, r#"""""#, "\""] {
            assert_eq!(words(line), Err(Unbalanced), "{line:?}");
        }
    }
}
