//! Floating-point numbers in Valkey's spelling.

/// Whole numbers up to this are written without a point or exponent: half of the largest integer.
const WHOLE_MAX: f64 = 4_611_686_018_427_387_904.0;

/// Appends the shortest text that reads back as `number`, in the notation of Valkey's
/// `fpconv_dtoa`.
///
/// In about one number of 800, the digits of Valkey's algorithm (Grisu2) are not the shortest; they
/// read back as the same number.
pub(super) fn write_double(number: f64, out: &mut Vec<u8>) {
    if number.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let number = number.abs();
    if number.is_infinite() {
        return out.extend_from_slice(b"inf");
    }
    if number <= WHOLE_MAX && number.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
        let whole = number as i64;
        return out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').expect("asked for");
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    write_digits(&digits, exponent.parse().expect("a small integer"), out);
}

/// Appends the number with `digits`, the point after the first, times ten to the power of
/// `exponent`.
fn write_digits(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let count = i32::try_from(digits.len()).expect("17 at most");
    // The number of places between the last digit and the point.
    let shift = exponent - (count - 1);
    if shift >= 0 && exponent.abs() < count + 7 {
        out.extend_from_slice(digits);
        write_zeros(shift, out);
    } else if shift < 0 && (shift > -7 || exponent.abs() < 4) {
        if let Ok(whole @ 1..) = usize::try_from(count + shift) {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        } else {
            out.extend_from_slice(b"0.");
            write_zeros(-(count + shift), out);
            out.extend_from_slice(digits);
        }
    } else {
        out.push(digits[0]);
        if let [_, rest @ ..] = digits
            && !rest.is_empty()
        {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(itoa::Buffer::new().format(exponent.abs()).as_bytes());
    }
}

fn write_zeros(count: i32, out: &mut Vec<u8>) {
    out.extend((0..count).map(|_| b'0'));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelt(number: f64) -> String {
        let mut out = Vec::new();
        write_double(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The replies of a Valkey 8.0 to scripts that return these numbers.
    #[test]
    fn doubles_are_spelt_as_valkey_does() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (0.000_012_34, "1.234e-5"),
            (0.001_234_567, "0.001234567"),
            (1234.5678, "1234.5678"),
            (12_345.678_901_234, "1.2345678901234e+4"),
            (-12_345.678_901_234, "-1.2345678901234e+4"),
            (1_234_567.123_456_7, "1.2345671234567e+6"),
            (99_999.999_999_99, "9.999999999999e+4"),
            (123_456_789.123, "123456789.123"),
            (1e15 + 0.3, "1000000000000000.3"),
            (1e17, "100000000000000000"),
            (-1e15, "-1000000000000000"),
            (1e18, "1000000000000000000"),
            (1e19, "1e+19"),
            (2_f64.powi(62), "4611686018427387904"),
            (2_f64.powi(63), "9223372036854776000"),
            (-(2_f64.powi(63)), "-9223372036854776000"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(spelt(number), expected, "{number:?}");
        }
    }

    proptest! {
        #[test]
        fn every_double_reads_back_as_itself(number in any::<f64>()) {
            prop_assert_eq!(spelt(number).parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}
