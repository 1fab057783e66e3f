//! Commands on expiries: `EXPIRE` and the like set them, `TTL` and the like read them.

use bytes::Bytes;

use super::editor::Editor;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal;
use crate::store::embedded::argument::time::Unit;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::read::keys::{Reader, Source};

/// A condition of a change of expiry. A key without expiry counts as one that expires never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    NoneYet,
    SomeAlready,
    Later,
    Sooner,
}

impl Condition {
    fn parse(word: &[u8]) -> Result<Condition, ErrorReply> {
        match &word.to_ascii_uppercase()[..] {
            b"NX" => Ok(Condition::NoneYet),
            b"XX" => Ok(Condition::SomeAlready),
            b"GT" => Ok(Condition::Later),
            b"LT" => Ok(Condition::Sooner),
            _ => {
                let text = format!("Unsupported option {}", refusal::shown(word));
                Err(ErrorReply::Failed(text.into()))
            }
        }
    }

    /// Parses all of `words`. They must not contradict each other.
    fn parse_all(words: &[Bytes]) -> Result<Vec<Condition>, ErrorReply> {
        let conditions: Result<Vec<_>, _> =
            words.iter().map(|word| Condition::parse(word)).collect();
        let conditions = conditions?;
        let has = |condition| conditions.contains(&condition);
        let contradiction = if has(Condition::NoneYet)
            && conditions.iter().any(|other| *other != Condition::NoneYet)
        {
            "NX and XX, GT or LT options at the same time are not compatible"
        } else if has(Condition::Later) && has(Condition::Sooner) {
            "GT and LT options at the same time are not compatible"
        } else {
            return Ok(conditions);
        };
        Err(ErrorReply::Failed(contradiction.into()))
    }

    /// Whether the expiry may change from `old` to `moment`.
    fn holds(self, old: Option<u64>, moment: i64) -> bool {
        let moment = u64::try_from(moment).unwrap_or(0);
        match self {
            Condition::NoneYet => old.is_none(),
            Condition::SomeAlready => old.is_some(),
            Condition::Later => old.is_some_and(|old| moment > old),
            Condition::Sooner => old.is_none_or(|old| moment < old),
        }
    }
}

/// `EXPIRE`, `PEXPIRE`, `EXPIREAT` and `PEXPIREAT`
pub(crate) fn expire(
    editor: &mut Editor<'_>,
    (unit, name): (Unit, &str),
    [key, time]: [&Bytes; 2],
    conditions: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let conditions = Condition::parse_all(conditions)?;
    let moment = unit.any_moment(time, editor.now, name)?;
    let Some(old) = editor.live(key)? else { return Ok(Reply::Integer(0)) };
    if !conditions.iter().all(|condition| condition.holds(old.expires, moment)) {
        return Ok(Reply::Integer(0));
    }
    let expires = Some(u64::try_from(moment).unwrap_or(0));
    let value = old.value.clone();
    editor.change(key, Some(&old), Record { expires, value })?;
    Ok(Reply::Integer(1))
}

/// `PERSIST`
pub(crate) fn persist(editor: &mut Editor<'_>, key: &Bytes) -> Result<Reply, ErrorReply> {
    match editor.live(key)? {
        Some(old) if old.expires.is_some() => {
            let value = old.value.clone();
            editor.change(key, Some(&old), Record { expires: None, value })?;
            Ok(Reply::Integer(1))
        }
        _ => Ok(Reply::Integer(0)),
    }
}

/// `TTL`, `PTTL`, `EXPIRETIME` and `PEXPIRETIME`
pub(crate) fn tell(
    reader: &Reader<'_, impl Source>,
    unit: Unit,
    key: &Bytes,
) -> Result<Reply, ErrorReply> {
    let Some(record) = reader.live(key)? else { return Ok(Reply::Integer(-2)) };
    let Some(expires) = record.expires else { return Ok(Reply::Integer(-1)) };
    let left = expires.saturating_sub(reader.now);
    let told = match unit {
        Unit::Seconds => rounded_seconds(left),
        Unit::Milliseconds => left,
        Unit::UnixSeconds => rounded_seconds(expires),
        Unit::UnixMilliseconds => expires,
    };
    Ok(Reply::Integer(i64::try_from(told).unwrap_or(i64::MAX)))
}

fn rounded_seconds(milliseconds: u64) -> u64 {
    milliseconds.saturating_add(500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Result<Vec<Condition>, ErrorReply> {
        let words: Vec<Bytes> = text.split_whitespace().map(Bytes::from).collect();
        Condition::parse_all(&words)
    }

    #[test]
    fn conditions_that_contradict_each_other_are_refused() {
        for (text, expected) in [
            ("NX XX", "NX and XX, GT or LT options at the same time are not compatible"),
            ("GT LT NX", "NX and XX, GT or LT options at the same time are not compatible"),
            ("gt LT", "GT and LT options at the same time are not compatible"),
            ("NX XX FOO", "Unsupported option FOO"),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn conditions_compare_with_the_expiry_that_is() {
        for (text, old, moment, expected) in [
            ("", None, 1, true),
            ("NX NX", None, 1, true),
            ("NX", Some(9), 1, false),
            ("XX", Some(9), 1, true),
            ("XX", None, 1, false),
            ("GT", Some(9), 10, true),
            ("GT", Some(9), 9, false),
            ("GT", None, i64::MAX, false),
            ("LT", Some(9), 8, true),
            ("LT", Some(9), 9, false),
            ("LT", None, 1, true),
            ("LT", Some(9), -5, true),
            ("XX GT", Some(9), 10, true),
            ("XX LT", None, 10, false),
        ] {
            let conditions = parse(text).expect(text);
            let hold = conditions.iter().all(|condition| condition.holds(old, moment));
            assert_eq!(hold, expected, "{text} {old:?} {moment}");
        }
    }

    #[test]
    fn seconds_are_rounded() {
        assert_eq!(rounded_seconds(10_499), 10);
        assert_eq!(rounded_seconds(10_500), 11);
        assert_eq!(rounded_seconds(i64::MAX.unsigned_abs()), 9_223_372_036_854_776);
    }
}
