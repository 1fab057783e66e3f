//! Patterns of `KEYS`, matched as Valkey's `stringmatchlen` matches them.
//!
//! The time is proportional to pattern times key. On a mismatch only the last `*` takes one byte
//! more, which suffices because every other element takes exactly one byte.

/// Whether `key` as a whole matches `pattern`: `*`, `?`, `[a-z]`, `[^a]`, and `\` before any byte.
///
/// As in Valkey, an unclosed class ends with the pattern, and a lone `\` at the end stands for
/// itself. The bounds of a range are signed, as C's `char` is on x86-64: 0x80 to 0xff come before
/// 0.
pub(crate) fn matches(pattern: &[u8], key: &[u8]) -> bool {
    if key.is_empty() {
        // Valkey tests only for these two patterns.
        return pattern.is_empty() || pattern == b"*";
    }
    let (mut rest, mut text) = (pattern, key);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after @ ..] = rest {
            rest = after;
            retry = Some((after, text));
            continue;
        }
        let Some((&byte, following)) = text.split_first() else {
            return rest.is_empty();
        };
        if let Some(after) = element(rest, byte) {
            (rest, text) = (after, following);
            continue;
        }
        match retry {
            Some((after, [_, shorter @ ..])) => {
                retry = Some((after, shorter));
                (rest, text) = (after, shorter);
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the first element of `pattern`. Returns the pattern after the element
/// if the byte matches.
fn element(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => class(rest, byte),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some(rest),
    }
}

/// Matches one byte against a class. The `[` was read before.
fn class(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', literal, after @ ..] => {
                found |= *literal == byte;
                after
            }
            [from, b'-', to, after @ ..] => {
                let [from, to, byte] = [*from, *to, byte].map(u8::cast_signed);
                found |= (from.min(to)..=from.max(to)).contains(&byte);
                after
            }
            [literal, after @ ..] => {
                found |= *literal == byte;
                after
            }
        };
    }
    (found != negated).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_valkey() {
        for (pattern, key, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("*b*", "abc", true),
            ("a**", "a", true),
            ("?", "", false),
            ("h?llo", "hello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("[\\]]", "]", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[abc", "b", true),
            ("[a-", "-", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("\\", "\\", true),
            ("*[0-9]", "a12", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), key.as_bytes()), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_range_compares_signed_bytes() {
        for (pattern, key, expected) in [
            (&b"[!-\xff]"[..], &b"a"[..], false),
            (b"[!-\xff]", b"\x20", true),
            (b"[!-\xff]", b"\x00", true),
            (b"[!-\xff]", b"\xff", true),
            (b"[!-\xff]", b"\x80", false),
            (b"[^!-\xff]", b"a", true),
            (b"[\x7f-\x80]", b"\x00", true),
            (b"[\x80-\xff]", b"\xc3", true),
            (b"[\x80-\xff]", b"a", false),
            (b"[\xff-\x80]", b"\xc3", true),
        ] {
            let shown = (pattern.escape_ascii().to_string(), key.escape_ascii().to_string());
            assert_eq!(matches(pattern, key), expected, "{shown:?}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = b"*a".repeat(2_000);
        let key = vec![b'a'; 1_999];
        assert!(!matches(&pattern, &key));
        let key = [vec![b'a'; 20_000], b"b".to_vec()].concat();
        assert!(!matches(&pattern, &key));
    }
}
