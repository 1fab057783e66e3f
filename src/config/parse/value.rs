//! Parsers of single values with their units.

use std::time::Duration;

use bytesize::ByteSize;

use crate::config::fault::Problem;

/// The longest meaningful time, which keeps sums of times far from overflow.
const LONGEST: Duration = Duration::from_secs(10_000 * 24 * 60 * 60);

/// The most digits of a number, so that arithmetic cannot overflow.
const MOST_DIGITS: usize = 9;

/// More threads would have no work, and the packaged unit's limits do not allow them.
const MOST_THREADS: usize = 64;

/// A whole number, 0 or more.
pub(crate) fn count(text: &str) -> Result<usize, Problem> {
    text.parse::<u32>()
        .map_err(|_| invalid(text, "a number from 0 on"))
        .and_then(|number| usize::try_from(number).map_err(|_| invalid(text, "a number from 0 on")))
}

/// A number of bytes: `16MiB`, `64k` (1000 each; `Ki` is 1024), `1GB`, or a bare number.
pub(crate) fn size(text: &str) -> Result<usize, Problem> {
    let wanted = "a size, as 16MiB, 64kB or a number of bytes";
    let ByteSize(bytes) = text.parse().map_err(|_| invalid(text, wanted))?;
    // The parser saturates, so that its largest value stands for all sizes that are too large.
    isize::try_from(bytes)
        .ok()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| out_of_bounds(text, "too large"))
}

/// A time: `500ms`, `5s`, `10min`, `1h 30min`, or a bare number of seconds.
pub(crate) fn time(text: &str) -> Result<Duration, Problem> {
    let digits = |character: char| !character.is_ascii_digit();
    if text.split(digits).any(|run| run.len() > MOST_DIGITS) {
        return Err(out_of_bounds(text, "too large, or not a time"));
    }
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| invalid(text, "a time, as 500ms, 5s, 10min, 1h or a number of seconds"))?,
    };
    if time > LONGEST {
        return Err(out_of_bounds(text, "more than 10000 days"));
    }
    if !time.is_zero() && time < Duration::from_millis(1) {
        return Err(out_of_bounds(text, "less than 1ms and not 0"));
    }
    Ok(time)
}

/// A size of at least 1 KiB, or 0.
pub(crate) fn message_size(text: &str) -> Result<usize, Problem> {
    match size(text)? {
        1..1024 => Err(out_of_bounds(text, "less than 1KiB and not 0")),
        size => Ok(size),
    }
}

/// A number of threads.
pub(crate) fn threads(text: &str) -> Result<usize, Problem> {
    match count(text)? {
        0 => Err(out_of_bounds(text, "less than 1")),
        number @ 1..=MOST_THREADS => Ok(number),
        _ => Err(out_of_bounds(text, "more than 64")),
    }
}

pub(crate) fn invalid(value: &str, wanted: &'static str) -> Problem {
    Problem::Invalid { value: value.to_owned(), wanted }
}

pub(crate) fn out_of_bounds(value: &str, bound: &'static str) -> Problem {
    Problem::OutOfBounds { value: value.to_owned(), bound }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_bare_numbers_are_bytes() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("64k", 64_000),
            ("64Ki", 65_536),
            ("16MiB", 16 << 20),
            ("1GB", 1_000_000_000),
            ("1.5 KiB", 1536),
        ] {
            assert_eq!(size(text).expect(text), bytes, "{text}");
        }
        for text in ["", "-1", "many", "1Q", "MiB", "99999999999EiB", "18446744073709551616"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units_and_bare_numbers_are_seconds() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("5", 5_000),
            ("5s", 5_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("10min", 600_000),
            ("1h 30min", 5_400_000),
        ] {
            assert_eq!(time(text).expect(text), Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["", "-1", "soon", "5 parsecs", "1us", "20000d", "18446744073709551615s 1000ms"]
        {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn messages_of_less_than_a_kibibyte_are_refused() {
        assert!(message_size("1023").is_err());
        assert_eq!(message_size("1KiB").expect("the least"), 1024);
        assert_eq!(message_size("0").expect("unlimited"), 0);
    }

    #[test]
    fn there_is_a_thread_at_least() {
        assert!(threads("0").is_err());
        assert_eq!(threads("64").expect("the most"), 64);
        assert!(threads("65").is_err());
    }
}
