//! The numbers at the head of RESP's parts.

/// What stands where a number and its CR LF should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Not all of it is there yet.
    Incomplete,
    /// A number, and how many bytes it took with its CR LF.
    Number(i64, usize),
    /// Something else.
    Bad,
}

/// The longest spelling of a number, sign included.
const LONGEST: usize = 20;

/// Reads a number and CR LF from the front of `bytes`: strictly, in its one spelling. What is
/// wrong is told as soon as it is there, not only at the end of the line.
pub(super) fn line(bytes: &[u8]) -> Line {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let rest = &bytes[sign..];
    let digits = rest.iter().take(LONGEST).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, end) = rest.split_at(digits);
    let is_spelt_well = match number {
        [] => end.is_empty(),
        [b'0'] => sign == 0,
        [first, ..] => *first != b'0',
    };
    if !is_spelt_well {
        return Line::Bad;
    }
    match end {
        [b'\r', b'\n', ..] => match parse(number, sign == 1) {
            Some(number) => Line::Number(number, sign + digits + 2),
            None => Line::Bad,
        },
        [] | [b'\r'] if digits < LONGEST => Line::Incomplete,
        _ => Line::Bad,
    }
}

fn parse(digits: &[u8], is_negative: bool) -> Option<i64> {
    let mut number = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        number = number.checked_mul(10)?;
        number = if is_negative { number.checked_sub(digit) } else { number.checked_add(digit) }?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling_and_ends_with_cr_lf() {
        for (text, expected) in [
            ("0\r\n", Line::Number(0, 3)),
            ("12\r\nx", Line::Number(12, 4)),
            ("-1\r\n", Line::Number(-1, 4)),
            ("9223372036854775807\r\n", Line::Number(i64::MAX, 21)),
            ("-9223372036854775808\r\n", Line::Number(i64::MIN, 22)),
            ("", Line::Incomplete),
            ("-", Line::Incomplete),
            ("12", Line::Incomplete),
            ("12\r", Line::Incomplete),
            ("12\n", Line::Bad),
            ("12\rx", Line::Bad),
            ("\r\n", Line::Bad),
            ("-\r\n", Line::Bad),
            ("-0\r\n", Line::Bad),
            ("01", Line::Bad),
            ("+1", Line::Bad),
            (" 1", Line::Bad),
            ("1 ", Line::Bad),
            ("9223372036854775808\r\n", Line::Bad),
            ("123456789012345678901234567890", Line::Bad),
        ] {
            assert_eq!(line(text.as_bytes()), expected, "{text:?}");
        }
    }
}
