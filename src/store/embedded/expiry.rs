//! When keys expire: arguments of `SETEX` and `EXPIRE`, remaining times, the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::message::ErrorReply;

use super::integer;

/// The wall clock in Unix milliseconds. It may step, and expiries with it, as in Valkey.
pub(super) fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// The moment `seconds` from `now`, for `SETEX`: it must lie in the future.
pub(super) fn for_setex(seconds: &[u8], now: u64) -> Result<u64, ErrorReply> {
    let invalid = || ErrorReply::Failed("invalid expire time in 'setex' command".into());
    if parse(seconds)? <= 0 {
        return Err(invalid());
    }
    after(seconds, now)?.ok_or_else(invalid)
}

/// The moment `seconds` from `now`, for `EXPIRE`; `None` is now or the past.
pub(super) fn for_expire(seconds: &[u8], now: u64) -> Result<Option<u64>, ErrorReply> {
    let invalid = || ErrorReply::Failed("invalid expire time in 'expire' command".into());
    if parse(seconds)? < i64::MIN / 1000 {
        return Err(invalid());
    }
    if parse(seconds)? <= 0 {
        return Ok(None);
    }
    after(seconds, now)?.ok_or_else(invalid).map(Some)
}

/// Whole seconds, rounded, from `now` until `moment`, as `TTL` tells them.
pub(super) fn remaining_seconds(moment: u64, now: u64) -> i64 {
    i64::try_from(moment.saturating_sub(now).saturating_add(500) / 1000).unwrap_or(i64::MAX)
}

fn parse(seconds: &[u8]) -> Result<i64, ErrorReply> {
    integer::parse(seconds)
        .ok_or(ErrorReply::Failed("value is not an integer or out of range".into()))
}

/// `now` plus a positive number of seconds; `None` when the sum in milliseconds passes `i64`.
fn after(seconds: &[u8], now: u64) -> Result<Option<u64>, ErrorReply> {
    let milliseconds = parse(seconds)?.checked_mul(1000);
    let moment = milliseconds.and_then(|span| i64::try_from(now).ok()?.checked_add(span));
    Ok(moment.and_then(|moment| u64::try_from(moment).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: &ErrorReply) -> String {
        error.to_string()
    }

    #[test]
    fn setex_takes_a_positive_time_within_bounds() {
        assert_eq!(for_setex(b"2", 1_000), Ok(3_000));
        for (seconds, expected) in [
            ("0", "invalid expire time in 'setex' command"),
            ("-1", "invalid expire time in 'setex' command"),
            ("9223372036854775807", "invalid expire time in 'setex' command"),
            ("9223372036854775", "invalid expire time in 'setex' command"),
            ("1.5", "value is not an integer or out of range"),
        ] {
            let error = for_setex(seconds.as_bytes(), 1_700_000_000_000).expect_err(seconds);
            assert_eq!(text(&error), expected, "{seconds}");
        }
    }

    #[test]
    fn expire_takes_the_past_too() {
        assert_eq!(for_expire(b"1", 5), Ok(Some(1_005)));
        assert_eq!(for_expire(b"0", 5), Ok(None));
        assert_eq!(for_expire(b"-9223372036854775", 5), Ok(None));
        for seconds in ["-9223372036854776", "9223372036854776", "9223372036854775"] {
            let error = for_expire(seconds.as_bytes(), 1_700_000_000_000).expect_err(seconds);
            assert_eq!(text(&error), "invalid expire time in 'expire' command");
        }
    }

    #[test]
    fn remaining_time_is_rounded() {
        assert_eq!(remaining_seconds(10_499, 0), 10);
        assert_eq!(remaining_seconds(10_500, 0), 11);
        assert_eq!(remaining_seconds(1, 2), 0);
    }
}
