//! `OBJECT` and `MEMORY USAGE`: the encoding and the size that a value would have in Valkey.

use bytes::Bytes;

use super::string::part::integer_of;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::read::keys::{Reader, Source};

/// The longest value that Valkey stores in one allocation with its header, in bytes.
const MAX_EMBEDDED: usize = 44;
/// About the bytes that Valkey needs for a key besides the key and its value.
const OVERHEAD: usize = 56;

const NO_FREQUENCY: &str = "An LFU maxmemory policy is not selected, access frequency not tracked. \
    Please note that when switching between policies at runtime LRU and LFU data will take some \
    time to adjust.";

/// `OBJECT ENCODING`
pub(crate) fn of_encoding(record: &Record) -> Reply {
    Reply::value(encoding(&record.value))
}

/// `OBJECT REFCOUNT`. Values are never shared.
pub(crate) fn of_references(_: &Record) -> Reply {
    Reply::Integer(1)
}

/// `OBJECT IDLETIME`
pub(crate) fn of_idleness(_: &Record) -> Reply {
    Reply::Integer(0)
}

/// `OBJECT FREQ`
pub(crate) fn of_frequency(_: &Record) -> Result<Reply, ErrorReply> {
    Err(ErrorReply::Failed(NO_FREQUENCY.into()))
}

/// What `tell` says of the record at a key.
pub(crate) fn object(
    reader: &Reader<'_, impl Source>,
    tell: fn(&Record) -> Result<Reply, ErrorReply>,
    key: &Bytes,
) -> Result<Reply, ErrorReply> {
    reader.live(key)?.map_or(Ok(Reply::Nil), |record| tell(&record))
}

/// `MEMORY USAGE`: an estimate.
pub(crate) fn memory(
    reader: &Reader<'_, impl Source>,
    key: &Bytes,
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    for option in options.chunks(2) {
        match option {
            [name, samples] if name.eq_ignore_ascii_case(b"SAMPLES") => {
                if integer::argument(samples)? < 0 {
                    return Err(refusal::syntax());
                }
            }
            _ => return Err(refusal::syntax()),
        }
    }
    Ok(match reader.value(key)? {
        Some(value) => integer_of(OVERHEAD + key.len() + value.len()),
        None => Reply::Nil,
    })
}

fn encoding(value: &[u8]) -> &'static str {
    match integer::parse(value) {
        Some(_) => "int",
        None if value.len() <= MAX_EMBEDDED => "embstr",
        None => "raw",
    }
}

#[cfg(test)]
mod tests {
    use super::encoding;

    #[test]
    fn encodings_are_those_of_valkey() {
        for (value, expected) in [
            ("10", "int"),
            ("9223372036854775807", "int"),
            ("9223372036854775808", "embstr"),
            ("01", "embstr"),
            ("-0", "embstr"),
            ("1.5", "embstr"),
            ("", "embstr"),
            (&"a".repeat(44), "embstr"),
            (&"a".repeat(45), "raw"),
        ] {
            assert_eq!(encoding(value.as_bytes()), expected, "{value}");
        }
    }
}
