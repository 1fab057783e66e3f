//! The clock, and the moments at which keys expire, as clients write them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::integer;
use crate::message::ErrorReply;

/// The wall clock in Unix milliseconds. The clock may step, and expiries step with it, as in
/// Valkey.
pub(crate) fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// The unit of a time, and the moment from which the time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds of Unix time.
    UnixSeconds,
    /// Milliseconds of Unix time.
    UnixMilliseconds,
}

impl Unit {
    /// The unit of an option of `SET` or `GETEX`.
    pub(crate) fn of_option(name: &[u8]) -> Option<Unit> {
        let units = [
            (&b"EX"[..], Unit::Seconds),
            (b"PX", Unit::Milliseconds),
            (b"EXAT", Unit::UnixSeconds),
            (b"PXAT", Unit::UnixMilliseconds),
        ];
        units.into_iter().find(|(word, _)| name.eq_ignore_ascii_case(word)).map(|(_, unit)| unit)
    }

    /// The moment of `text` in Unix milliseconds, for a `command` that sets a value. The number
    /// must be positive, but the moment may be past. `command` is in lower case.
    pub(crate) fn moment(self, text: &[u8], now: u64, command: &str) -> Result<u64, ErrorReply> {
        let number = integer::argument(text)?;
        let moment = if number > 0 { self.checked(number, now) } else { None };
        moment.and_then(|moment| u64::try_from(moment).ok()).ok_or_else(|| invalid(command))
    }

    /// The moment of `text` in Unix milliseconds, for a `command` that changes an expiry. The
    /// moment may be negative.
    pub(crate) fn any_moment(
        self,
        text: &[u8],
        now: u64,
        command: &str,
    ) -> Result<i64, ErrorReply> {
        self.checked(integer::argument(text)?, now).ok_or_else(|| invalid(command))
    }

    fn checked(self, number: i64, now: u64) -> Option<i64> {
        let milliseconds = match self {
            Unit::Seconds | Unit::UnixSeconds => number.checked_mul(1000)?,
            Unit::Milliseconds | Unit::UnixMilliseconds => number,
        };
        match self {
            Unit::Seconds | Unit::Milliseconds => {
                milliseconds.checked_add(i64::try_from(now).ok()?)
            }
            Unit::UnixSeconds | Unit::UnixMilliseconds => Some(milliseconds),
        }
    }
}

fn invalid(command: &str) -> ErrorReply {
    ErrorReply::Failed(format!("invalid expire time in '{command}' command").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn a_value_is_set_for_a_positive_time_within_bounds() {
        assert_eq!(Unit::Seconds.moment(b"2", 1_000, "set"), Ok(3_000));
        assert_eq!(Unit::UnixSeconds.moment(b"2", NOW, "set"), Ok(2_000));
        let last = i64::MAX.to_string();
        assert_eq!(
            Unit::UnixMilliseconds.moment(last.as_bytes(), NOW, "set"),
            Ok(i64::MAX.unsigned_abs())
        );
        for (unit, text) in [
            (Unit::Seconds, "0"),
            (Unit::UnixMilliseconds, "-1"),
            (Unit::Seconds, "9223372036854775"),
            (Unit::UnixSeconds, "9223372036854776"),
            (Unit::Milliseconds, "9223372036854775807"),
        ] {
            let error = unit.moment(text.as_bytes(), NOW, "psetex").expect_err(text);
            assert_eq!(error.to_string(), "invalid expire time in 'psetex' command", "{text}");
        }
        let error = Unit::Seconds.moment(b"1.5", NOW, "set").expect_err("no integer");
        assert_eq!(error.to_string(), "value is not an integer or out of range");
    }

    #[test]
    fn an_expiry_may_be_past_but_within_bounds() {
        assert_eq!(Unit::Seconds.any_moment(b"-1", 5, "expire"), Ok(-995));
        assert_eq!(
            Unit::Seconds.any_moment(b"-9223372036854775", 0, "expire"),
            Ok(-9_223_372_036_854_775_000)
        );
        for text in ["-9223372036854776", "9223372036854776", "9223372036854775"] {
            let error = Unit::Seconds.any_moment(text.as_bytes(), NOW, "expire").expect_err(text);
            assert_eq!(error.to_string(), "invalid expire time in 'expire' command", "{text}");
        }
    }
}
