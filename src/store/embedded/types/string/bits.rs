//! Single bits of values: `SETBIT`, `GETBIT`, `BITCOUNT`, `BITPOS`, `BITOP`. Bit 0 is the highest of the first byte.

use bytes::Bytes;

use super::part::patched;
use crate::message::{ErrorReply, Reply};
use crate::store::cost::field::LONGEST_VALUE;
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::range;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::types::editor::Editor;

/// `SETBIT`
pub(crate) fn set(
    editor: &mut Editor<'_>,
    [key, offset, bit]: [&Bytes; 3],
) -> Result<Reply, ErrorReply> {
    let place = Place::parse(offset)?;
    let bit = match &bit[..] {
        b"0" => false,
        b"1" => true,
        _ => return Err(ErrorReply::Failed("bit is not an integer or out of range".into())),
    };
    let old = editor.live(key)?;
    let (was, is_long_enough) = match &old {
        Some(record) => (place.bit_of(&record.value), place.byte < record.value.len()),
        None => (false, false),
    };
    if !is_long_enough || was != bit {
        editor.scope.check_growth(place.byte + 1)?;
        let value = patched(old.as_ref(), place.byte + 1, |value| {
            let byte = &mut value[place.byte];
            *byte = if bit { *byte | place.mask } else { *byte & !place.mask };
        });
        let expires = old.as_ref().and_then(|record| record.expires);
        editor.change(key, old.as_ref(), Record { expires, value })?;
    }
    Ok(Reply::Integer(was.into()))
}

/// `GETBIT`
pub(crate) fn get(
    reader: &Reader<'_, impl Source>,
    key: &Bytes,
    offset: &Bytes,
) -> Result<Reply, ErrorReply> {
    let place = Place::parse(offset)?;
    Ok(Reply::Integer(place.bit_of(&reader.value_or_empty(key)?).into()))
}

/// `BITCOUNT`
pub(crate) fn count(
    reader: &Reader<'_, impl Source>,
    key: &Bytes,
    range: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let [start, end, unit] = match range {
        [] => [None; 3],
        [start] => [Some(start), None, None],
        [start, end] => [Some(start), Some(end), None],
        [start, end, unit] => [Some(start), Some(end), Some(unit)],
        _ => return Err(refusal::syntax()),
    };
    let start = start.map_or(Ok(0), |start| integer::argument(start))?;
    let by_bits = match unit {
        Some(unit) if unit.eq_ignore_ascii_case(b"BIT") => true,
        Some(unit) if !unit.eq_ignore_ascii_case(b"BYTE") => return Err(refusal::syntax()),
        _ => false,
    };
    let end = end.map_or(Ok(-1), |end| integer::argument(end))?;
    Ok(Reply::Integer(ones(&reader.value_or_empty(key)?, start, end, by_bits)))
}

/// `BITPOS`
pub(crate) fn position(
    reader: &Reader<'_, impl Source>,
    [key, bit]: [&Bytes; 2],
    range: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let bit = match integer::argument(bit)? {
        0 => false,
        1 => true,
        _ => return Err(ErrorReply::Failed("The bit argument must be 1 or 0.".into())),
    };
    let (start, end, by_bits) = match range {
        [] => (0, None, false),
        [start] => (integer::argument(start)?, None, false),
        [_, _, _, _, ..] => return Err(refusal::syntax()),
        [start, end, unit @ ..] => {
            let start = integer::argument(start)?;
            let by_bits = match unit {
                [] => false,
                [unit] if unit.eq_ignore_ascii_case(b"BIT") => true,
                [unit] if unit.eq_ignore_ascii_case(b"BYTE") => false,
                _ => return Err(refusal::syntax()),
            };
            (start, Some(integer::argument(end)?), by_bits)
        }
    };
    Ok(Reply::Integer(match reader.value(key)? {
        Some(value) => first(&value, bit, (start, end), by_bits),
        // An absent value counts as zeros without end.
        None if bit => -1,
        None => 0,
    }))
}

/// The place of the first such bit. Zeros follow a value, unless the range has an end.
fn first(value: &[u8], bit: bool, (start, end): (i64, Option<i64>), by_bits: bool) -> i64 {
    let unit = if by_bits { 1 } else { 8 };
    let range = range::ordered(start, end.unwrap_or(-1), value.len() * 8 / unit);
    let (mut at, to) = (range.start * unit, range.end * unit);
    if at >= to {
        return -1;
    }
    let none = if bit { 0 } else { 0xff };
    while at < to {
        if at % 8 == 0 && value[at / 8] == none {
            at += 8;
        } else if (value[at / 8] & 0x80 >> (at % 8) != 0) == bit {
            return i64::try_from(at).unwrap_or(i64::MAX);
        } else {
            at += 1;
        }
    }
    let is_open = end.is_none() && !bit;
    if is_open { i64::try_from(value.len() * 8).unwrap_or(i64::MAX) } else { -1 }
}

/// `BITOP`
pub(crate) fn combine(
    editor: &mut Editor<'_>,
    [name, destination]: [&Bytes; 2],
    keys: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let combined: fn(u8, u8) -> u8 = match &name.to_ascii_lowercase()[..] {
        b"and" => |one, other| one & other,
        b"or" => |one, other| one | other,
        b"xor" => |one, other| one ^ other,
        b"not" if keys.len() == 1 => |one, _| !one,
        b"not" => {
            let text = "BITOP NOT must be called with a single source key.";
            return Err(ErrorReply::Failed(text.into()));
        }
        _ => return Err(refusal::syntax()),
    };
    let Some((first, others)) = keys.split_first() else { return Err(refusal::syntax()) };
    let mut result = Vec::from(editor.reader().value_or_empty(first)?);
    if others.is_empty() {
        // NOT needs no second value, and the others change nothing.
        let is_not = combined(0, 0) != 0;
        result.iter_mut().filter(|_| is_not).for_each(|byte| *byte = combined(*byte, 0));
    }
    for key in others {
        let value = editor.reader().value_or_empty(key)?;
        // A shorter value counts as followed by zeros.
        result.resize(result.len().max(value.len()), 0);
        let bytes = value.iter().copied().chain(std::iter::repeat(0));
        result.iter_mut().zip(bytes).for_each(|(one, other)| *one = combined(*one, other));
    }
    let len = result.len();
    if len == 0 {
        editor.remove(destination)?;
    } else {
        editor.set(destination, result.into(), None)?;
    }
    Ok(Reply::Integer(i64::try_from(len).unwrap_or(i64::MAX)))
}

fn ones(value: &[u8], start: i64, end: i64, by_bits: bool) -> i64 {
    if !by_bits {
        return all_ones(&value[range::clamped(start, end, value.len())]);
    }
    let bits = range::clamped(start, end, value.len() * 8);
    if bits.is_empty() {
        return 0;
    }
    let last = bits.end - 1;
    let bytes = &value[bits.start / 8..=last / 8];
    let before = bytes[0] & !(0xff >> (bits.start % 8));
    let after = bytes[bytes.len() - 1] & !(0xff << (7 - last % 8));
    all_ones(bytes) - i64::from(before.count_ones()) - i64::from(after.count_ones())
}

fn all_ones(bytes: &[u8]) -> i64 {
    let (words, rest) = bytes.as_chunks();
    let in_words: i64 =
        words.iter().map(|word| i64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    in_words + rest.iter().map(|byte| i64::from(byte.count_ones())).sum::<i64>()
}

/// The position of a bit.
#[derive(Debug, Clone, Copy)]
struct Place {
    byte: usize,
    mask: u8,
}

impl Place {
    fn parse(offset: &[u8]) -> Result<Place, ErrorReply> {
        let offset = integer::parse(offset).and_then(|offset| usize::try_from(offset).ok());
        match offset {
            Some(offset) if offset / 8 < LONGEST_VALUE => {
                Ok(Place { byte: offset / 8, mask: 0x80 >> (offset % 8) })
            }
            _ => Err(ErrorReply::Failed("bit offset is not an integer or out of range".into())),
        }
    }

    fn bit_of(self, value: &[u8]) -> bool {
        value.get(self.byte).is_some_and(|byte| byte & self.mask != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::ones;

    #[test]
    fn bits_are_counted_as_in_valkey() {
        for (start, end, by_bits, expected) in [
            (0, -1, false, 26),
            (0, 0, false, 4),
            (1, 1, false, 6),
            (5, 30, true, 17),
            (-2, -1, false, 7),
            (-1, -2, false, 0),
            (-100, -50, false, 4),
            (100, 200, false, 0),
            (-1, -2, true, 0),
            (0, 0, true, 0),
            (1, 1, true, 1),
            (i64::MIN, i64::MAX, true, 26),
        ] {
            assert_eq!(ones(b"foobar", start, end, by_bits), expected, "{start} {end} {by_bits}");
        }
        assert_eq!(ones(b"", 0, -1, true), 0);
        assert_eq!(ones(&[0xff; 100], 3, -4, true), 800 - 6);
    }
}
