//! Sums of `INCRBYFLOAT` in the 80-bit floats of the x87, as Valkey computes them: 0.1 and 0.2 make
//! 0.3.

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round};

use crate::message::ErrorReply;

/// The longest text that is read as a number, in bytes.
const MAX_TEXT: usize = 5 * 1024 - 1;
/// Digits after the point.
const PRECISION: usize = 17;
const SCALE: u128 = 10_u128.pow(17);
/// The base of a large integer: each limb is less.
const LIMB: u64 = 10_u64.pow(18);

/// The sum of two numbers. They are read and written as Valkey does.
pub(crate) fn sum(number: &[u8], step: &[u8]) -> Result<String, ErrorReply> {
    let invalid = || ErrorReply::Failed("value is not a valid float".into());
    let number = parse(number).ok_or_else(invalid)?;
    let step = parse(step).ok_or_else(invalid)?;
    let sum = (number + step).value;
    if sum.is_finite() {
        Ok(print(sum))
    } else {
        Err(ErrorReply::Failed("increment would produce NaN or Infinity".into()))
    }
}

/// Reads a whole text as C's `strtold` does. A number outside of the range is none.
fn parse(text: &[u8]) -> Option<X87DoubleExtended> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let (is_negative, magnitude) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = std::str::from_utf8(magnitude).ok()?.to_ascii_lowercase();
    let value = match &magnitude[..] {
        "inf" | "infinity" => X87DoubleExtended::INFINITY,
        finite => parse_finite(finite)?,
    };
    Some(if is_negative { -value } else { value })
}

fn parse_finite(text: &str) -> Option<X87DoubleExtended> {
    let (digits, exponent_letter, is_digit): (_, _, fn(u8) -> bool) = match text.strip_prefix("0x")
    {
        Some(digits) => (digits, 'p', |byte| byte.is_ascii_hexdigit()),
        None => (text, 'e', |byte| byte.is_ascii_digit()),
    };
    let (digits, exponent) = match digits.split_once(exponent_letter) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(is_digit);
    let has_digits = !(whole.is_empty() && fraction.is_empty());
    if !has_digits || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let exponent = exponent.map_or(Some(0), parse_exponent)?;
    let is_zero = (whole.bytes().chain(fraction.bytes())).all(|digit| digit == b'0');
    if is_zero {
        return Some(X87DoubleExtended::ZERO);
    }
    let radix = if exponent_letter == 'p' { "0x" } else { "" };
    let text = format!("{radix}{whole}.{fraction}{exponent_letter}{exponent}");
    let value = X87DoubleExtended::from_str_r(&text, Round::NearestTiesToEven).ok()?.value;
    (value.is_finite() && !value.is_zero()).then_some(value)
}

/// Reads an exponent. A larger one is replaced by one that is out of range as well.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bound = 1_000_000;
    let exponent = digits.parse().unwrap_or(bound).min(bound);
    Some(if text.starts_with('-') { -exponent } else { exponent })
}

/// Writes a finite number as C's `%.17Lf` does, without trailing zeros.
fn print(value: X87DoubleExtended) -> String {
    let bits = value.to_bits();
    let mantissa = u128::from(u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default());
    let exponent = i32::try_from((bits >> 64) & 0x7fff).unwrap_or_default();
    // The value is the mantissa times two to this power.
    let power = exponent.max(1) - 16_383 - 63;
    let text = match usize::try_from(power) {
        Ok(power) => print_whole(mantissa, power),
        Err(_) => print_fraction(mantissa, power.unsigned_abs()),
    };
    if value.is_negative() && text != "0" { format!("-{text}") } else { text }
}

/// `mantissa`, of 64 bits, divided by two to the power of `power`, rounded to the nearest, ties to
/// even.
fn print_fraction(mantissa: u128, power: u32) -> String {
    // Less than 2 to the power of 121.
    let scaled = mantissa * SCALE;
    let (mut quotient, rest) = match scaled.checked_shr(power) {
        Some(quotient) => (quotient, scaled - (quotient << power)),
        None => return "0".to_owned(),
    };
    let half = 1_u128 << (power - 1);
    if rest > half || rest == half && quotient % 2 == 1 {
        quotient += 1;
    }
    let text = format!("{}.{:0PRECISION$}", quotient / SCALE, quotient % SCALE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `mantissa` multiplied by two to the power of `power`.
fn print_whole(mantissa: u128, power: usize) -> String {
    let mut limbs = Vec::new();
    multiply(&mut limbs, 1, mantissa);
    for step in std::iter::repeat_n(32, power / 32).chain([power % 32]) {
        multiply(&mut limbs, 1 << step, 0);
    }
    let limbs: Vec<String> = limbs.iter().rev().map(|limb| format!("{limb:018}")).collect();
    let text = limbs.concat();
    match text.trim_start_matches('0') {
        "" => "0".to_owned(),
        text => text.to_owned(),
    }
}

/// Multiplies a number, lowest limb first, by `factor`, and adds `carry`.
fn multiply(limbs: &mut Vec<u64>, factor: u64, mut carry: u128) {
    let limb_of = |number: u128| u64::try_from(number % u128::from(LIMB)).unwrap_or_default();
    for limb in limbs.iter_mut() {
        let product = u128::from(*limb) * u128::from(factor) + carry;
        *limb = limb_of(product);
        carry = product / u128::from(LIMB);
    }
    while carry > 0 {
        limbs.push(limb_of(carry));
        carry /= u128::from(LIMB);
    }
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn sums_are_those_of_valkey() {
        for (number, step, expected) in [
            ("0.1", "0.2", "0.3"),
            ("0.3", "1e3", "1000.29999999999999999"),
            ("0", "-0.0", "0"),
            ("5.", ".5", "5.5"),
            ("5.5", "0x10", "21.5"),
            ("0", "0X1P-3", "0.125"),
            ("0", "0x.8p1", "1"),
            ("0.00001", "1e-17", "0.00001000000000001"),
            ("0", "1.5e-17", "0.00000000000000002"),
            ("0", "0.5e-17", "0"),
            ("0", "-0.5e-17", "0"),
            ("0", "-.5e1", "-5"),
            ("0", "0x1p-16445", "0"),
            ("0", "3.6e-4951", "0"),
            ("0", "0e99999999999", "0"),
            ("0", "1e0000000000000001", "10"),
            ("3.14159265358979323846", "0", "3.14159265358979324"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("0", "18446744073709551615.5", "18446744073709551616"),
            ("0.1", "123456789012345678", "123456789012345678.1015625"),
            ("1e20", "0.5", "100000000000000000000"),
        ] {
            let found = sum(number.as_bytes(), step.as_bytes());
            assert_eq!(found.as_deref(), Ok(expected), "{number} + {step}");
        }
        let ones = "1".repeat(200);
        let expected = "11111111111111111111038494428611142326958195793586848002674240645904884195265242579011655680841057514445986428961036043650049393962153221766783218087919669016391895982710888955616515937413105444716544";
        assert_eq!(sum(ones.as_bytes(), b"1").as_deref(), Ok(expected));
        let largest = sum(b"0x1p16383", b"0").expect("a number");
        assert!(largest.starts_with("594865747678615882542879663314003565381722343548255118736"));
        assert_eq!(largest.len(), 4932);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let too_long = "0".repeat(5_120);
        for text in [
            "",
            " 1",
            "1 ",
            "\t1",
            "1\0",
            "abc",
            "nan",
            "nan(1)",
            "1e",
            "1e5.0",
            "1_0",
            "1,5",
            ".",
            "++1",
            "0x",
            "0x1p",
            "infin",
            "infinityx",
            "1e4933",
            "1e-5000",
            "1e-4951",
            "0x1p-16446",
            "0x1p16384",
            "1e99999999999999999999",
            &too_long,
        ] {
            let error = sum(b"0", text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), "value is not a valid float", "{text:?}");
        }
        for (number, step) in [("inf", "1"), ("1", "-Infinity"), ("inf", "-inf")] {
            let error = sum(number.as_bytes(), step.as_bytes()).expect_err(step);
            assert_eq!(error.to_string(), "increment would produce NaN or Infinity");
        }
        let zeros = "0".repeat(5_118) + "1";
        assert_eq!(sum(b"0", zeros.as_bytes()).as_deref(), Ok("1"));
    }
}
