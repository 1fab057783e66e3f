//! The number that ends a line such as `*3` or `$-1`, read and written strictly as by Valkey.

/// The most bytes of a line without its end.
pub(super) const LINE_MAX: usize = 64 * 1024;

/// Why a line has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFault {
    /// No number, not in Valkey's spelling, or beyond 64 bits.
    Invalid,
    /// The line does not end in CR LF.
    LineEnd,
    /// The line exceeds the limit without an end.
    Endless,
}

/// Reads the number at `start`, after the line's first byte, and returns it with the start of the
/// next line. `None` if the line is incomplete: then `seen` is where the next search for its end
/// begins.
pub(super) fn read_number(
    buffer: &[u8],
    start: usize,
    seen: &mut usize,
) -> Result<Option<(i64, usize)>, NumberFault> {
    let mut end = start.max(*seen);
    while let Some(byte) = buffer.get(end)
        && (byte.is_ascii_digit() || (*byte == b'-' && end == start))
    {
        end += 1;
    }
    *seen = end;
    if end - start >= LINE_MAX {
        return Err(NumberFault::Endless);
    }
    match (buffer.get(end), buffer.get(end + 1)) {
        (None, _) | (Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(b'\n')) => {
            let number = parse_number(&buffer[start..end]).ok_or(NumberFault::Invalid)?;
            Ok(Some((number, end + 2)))
        }
        (Some(b'\r' | b'\n'), _) => Err(NumberFault::LineEnd),
        (Some(_), _) => Err(NumberFault::Invalid),
    }
}

/// Parses a number in its only valid spelling: no plus sign, no leading zero, no `-0`.
pub(super) fn parse_number(text: &[u8]) -> Option<i64> {
    let (digits, sign) = match text {
        [b'-', digits @ ..] => (digits, -1),
        digits => (digits, 1),
    };
    match digits {
        b"0" if sign == 1 => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Summed as a negative number, whose range is larger by one.
    let negative = digits.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_sub(digit)
    })?;
    if sign == 1 { negative.checked_neg() } else { Some(negative) }
}

/// Appends `first`, the number and the line's end.
pub(super) fn write_number(first: u8, number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.push(first);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `first`, a length or a count, and the line's end. Most are short.
pub fn write_length(first: u8, length: usize, out: &mut Vec<u8>) {
    #[expect(clippy::cast_possible_truncation, reason = "it is less than 100")]
    match length {
        0..10 => out.extend_from_slice(&[first, b'0' + length as u8, b'\r', b'\n']),
        10..100 => {
            let (tens, ones) = (length as u8 / 10, length as u8 % 10);
            out.extend_from_slice(&[first, b'0' + tens, b'0' + ones, b'\r', b'\n']);
        }
        _ => write_number(first, length, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for number in [0, 1, -1, 10, 512, i64::MAX, i64::MIN] {
            assert_eq!(parse_number(number.to_string().as_bytes()), Some(number));
        }
        let beyond = [i128::from(i64::MAX) + 1, i128::from(i64::MIN) - 1].map(|n| n.to_string());
        for text in ["", "-", "-0", "01", "-01", "+1", " 1", "1 ", "1.0", "0x1", "1a"]
            .into_iter()
            .chain(beyond.iter().map(String::as_str))
        {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_written_as_numbers_are() {
        for length in (0..120).chain([999, 1000, usize::MAX]) {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            write_length(b'$', length, &mut one);
            write_number(b'$', length, &mut other);
            assert_eq!(one, other);
        }
    }

    #[test]
    fn a_line_is_looked_at_once() {
        let mut seen = 0;
        assert_eq!(read_number(b"$12", 1, &mut seen), Ok(None));
        assert_eq!(seen, 3);
        // If the first digits were read again, this would be no number.
        assert_eq!(read_number(b"$123\r", 1, &mut seen), Ok(None));
        assert_eq!(seen, 4);
        assert_eq!(read_number(b"$123\r\n", 1, &mut seen), Ok(Some((123, 6))));
    }
}
