//! The options of BITFIELD: integers of any width within a value.

use bytes::Bytes;

use crate::message::ErrorReply;
use crate::message::refusal::syntax;
use crate::store::integer;

/// The longest value, in bytes: Valkey's `proto-max-bulk-len`.
pub(crate) const LONGEST_VALUE: usize = 512 * 1024 * 1024;

/// The type of an integer in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) is_signed: bool,
    pub(crate) bits: usize,
}

/// What becomes of a number that its encoding cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Its lowest bits are stored.
    Wrap,
    /// The nearest number is stored.
    Saturate,
    /// Nothing is stored, and the reply is nil.
    Fail,
}

/// What is done with one integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// One integer, and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) encoding: Encoding,
    /// The offset of the first bit.
    pub(crate) offset: usize,
    pub(crate) action: Action,
}

impl Field {
    /// Reads options as Valkey does.
    pub(crate) fn parse_all(words: &[Bytes]) -> Result<Vec<Field>, ErrorReply> {
        let (mut fields, mut overflow, mut rest) = (Vec::new(), Overflow::Wrap, words);
        while let [name, more @ ..] = rest {
            let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
            rest = match more {
                [kind, more @ ..] if is("overflow") => {
                    overflow = Overflow::parse(kind)?;
                    more
                }
                [encoding, offset, more @ ..] if is("get") => {
                    fields.push(Field::at(encoding, offset, Action::Get)?);
                    more
                }
                [encoding, offset, number, more @ ..] if is("set") || is("incrby") => {
                    let mut field = Field::at(encoding, offset, Action::Get)?;
                    let number = integer::parse(number).ok_or_else(not_an_integer)?;
                    let is_set = is("set");
                    field.action = if is_set {
                        Action::Set(number, overflow)
                    } else {
                        Action::Add(number, overflow)
                    };
                    fields.push(field);
                    more
                }
                _ => return Err(syntax()),
            };
        }
        Ok(fields)
    }

    fn at(encoding: &[u8], offset: &[u8], action: Action) -> Result<Field, ErrorReply> {
        let encoding = Encoding::parse(encoding)?;
        let (number, unit) = match offset.strip_prefix(b"#") {
            Some(number) => (number, i64::try_from(encoding.bits).unwrap_or(1)),
            None => (offset, 1),
        };
        let offset = integer::parse(number).and_then(|number| number.checked_mul(unit));
        let offset = offset.and_then(|offset| usize::try_from(offset).ok());
        match offset.filter(|offset| offset / 8 < LONGEST_VALUE) {
            Some(offset) => Ok(Field { encoding, offset, action }),
            None => Err(ErrorReply::Failed("bit offset is not an integer or out of range".into())),
        }
    }

    /// Whether the field is changed.
    pub(crate) fn is_write(&self) -> bool {
        self.action != Action::Get
    }

    /// The bytes that a value with the field has at least.
    pub(crate) fn reach(&self) -> usize {
        (self.offset + self.encoding.bits).div_ceil(8)
    }
}

impl Overflow {
    fn parse(word: &[u8]) -> Result<Overflow, ErrorReply> {
        match &word.to_ascii_lowercase()[..] {
            b"wrap" => Ok(Overflow::Wrap),
            b"sat" => Ok(Overflow::Saturate),
            b"fail" => Ok(Overflow::Fail),
            _ => Err(ErrorReply::Failed("Invalid OVERFLOW type specified".into())),
        }
    }
}

impl Encoding {
    fn parse(text: &[u8]) -> Result<Encoding, ErrorReply> {
        let (is_signed, most, width) = match text {
            [b'i', width @ ..] => (true, 64, width),
            [b'u', width @ ..] => (false, 63, width),
            _ => return Err(no_encoding()),
        };
        let bits = integer::parse(width).and_then(|bits| usize::try_from(bits).ok());
        let bits = bits.filter(|bits| (1..=most).contains(bits)).ok_or_else(no_encoding)?;
        Ok(Encoding { is_signed, bits })
    }

    /// The least and the greatest number.
    fn bounds(self) -> (i128, i128) {
        let half = 1_i128 << (self.bits - 1);
        if self.is_signed { (-half, half - 1) } else { (0, 2 * half - 1) }
    }

    /// The number whose lowest bits are those of `number`.
    fn wrapped(self, number: i128) -> i128 {
        let kept = number & ((1_i128 << self.bits) - 1);
        if kept > self.bounds().1 { kept - (1_i128 << self.bits) } else { kept }
    }

    /// The number to store for `number`; `None` if it overflows and that fails.
    pub(crate) fn fit(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (least, most) = self.bounds();
        let fitted = match overflow {
            _ if (least..=most).contains(&number) => number,
            Overflow::Wrap => self.wrapped(number),
            Overflow::Saturate => number.clamp(least, most),
            Overflow::Fail => return None,
        };
        i64::try_from(fitted).ok()
    }

    /// A number as SET takes it: unsigned encodings take the bits of a negative one.
    pub(crate) fn taken(self, number: i64) -> i128 {
        if self.is_signed { number.into() } else { number.cast_unsigned().into() }
    }

    /// Reads the number at bit `offset` of `value`, which zeros follow.
    pub(crate) fn read(self, value: &[u8], offset: usize) -> i64 {
        let mut number = 0_i128;
        for at in offset..offset + self.bits {
            let byte = value.get(at / 8).copied().unwrap_or(0);
            number = number << 1 | i128::from(byte >> (7 - at % 8) & 1);
        }
        i64::try_from(self.wrapped(number)).unwrap_or(0)
    }

    /// Writes `number` at bit `offset` of `value`, which is long enough.
    pub(crate) fn write(self, value: &mut [u8], offset: usize, number: i64) {
        for (place, at) in (offset..offset + self.bits).rev().enumerate() {
            let Some(byte) = value.get_mut(at / 8) else { continue };
            let mask = 0x80 >> (at % 8);
            *byte = if number >> place & 1 == 1 { *byte | mask } else { *byte & !mask };
        }
    }
}

fn no_encoding() -> ErrorReply {
    let text = "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but \
                i64 is.";
    ErrorReply::Failed(text.into())
}

fn not_an_integer() -> ErrorReply {
    ErrorReply::Failed("value is not an integer or out of range".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(text: &str) -> Encoding {
        Encoding::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn numbers_wrap_saturate_or_fail() {
        for (name, number, wrapped, saturated) in [
            ("u8", 255, 255, 255),
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i8", 127, 127, 127),
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("u1", 3, 1, 1),
            ("i64", i128::from(i64::MAX) + 1, i64::MIN, i64::MAX),
            ("u63", i128::from(i64::MAX) + 1, 0, i64::MAX),
        ] {
            let encoding = encoding(name);
            assert_eq!(encoding.fit(number, Overflow::Wrap), Some(wrapped), "{name} {number}");
            assert_eq!(
                encoding.fit(number, Overflow::Saturate),
                Some(saturated),
                "{name} {number}"
            );
            let failed = (i128::from(wrapped) == number).then_some(wrapped);
            assert_eq!(encoding.fit(number, Overflow::Fail), failed, "{name} {number}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for (name, offset, number) in
            [("i5", 3, -7), ("u4", 5, 9), ("i64", 1, i64::MIN), ("u63", 9, i64::MAX), ("u1", 71, 1)]
        {
            let (mut value, encoding) = ([0x55; 9], encoding(name));
            encoding.write(&mut value, offset, number);
            assert_eq!(encoding.read(&value, offset), number, "{name} {offset}");
        }
        assert_eq!(encoding("u8").read(b"", 100), 0);
    }

    #[test]
    fn wrong_options_are_refused_as_in_valkey() {
        let parse = |text: &'static str| {
            let words: Vec<Bytes> = text.split(' ').map(Bytes::from).collect();
            Field::parse_all(&words)
        };
        for (text, expected) in [
            ("GET u64 0", no_encoding()),
            ("GET i65 0", no_encoding()),
            ("GET u0 0", no_encoding()),
            ("SET u8 0", syntax()),
            ("SET u8 0 x", not_an_integer()),
            ("FOO", syntax()),
            ("OVERFLOW", syntax()),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        assert_eq!(parse("get u8 #2 incrby i5 3 1").map(|fields| fields[0].offset), Ok(16));
        assert_eq!(parse("incrby i5 4 1").map(|fields| fields[0].reach()), Ok(2));
    }
}
