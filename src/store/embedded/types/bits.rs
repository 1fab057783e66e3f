//! Single bits of values: `SETBIT`, `GETBIT`, `BITCOUNT`. Bit 0 is the highest of the first byte.

use bytes::Bytes;

use super::editor::Editor;
use super::string::patched;
use crate::message::{ErrorReply, Reply};
use crate::store::cost::LONGEST_VALUE;
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::range;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::read::keys::{Reader, Source};

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
