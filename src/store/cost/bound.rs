//! Bounds on what a short request may cost the store.

use super::field::{Field, LONGEST_VALUE};
use crate::command::table::spec::{Cost, Lengths, Reach};
use crate::message::ErrorReply;
use crate::store::integer;
use crate::store::operation::Operation;

/// A value that a request makes grow up to this length costs little.
const SMALL_GROWTH: usize = 1024 * 1024;

/// A command with more arguments keeps a server busy for several milliseconds.
const MANY_ARGUMENTS: usize = 10_000;

impl Operation {
    /// The least length of the value afterwards, in bytes, by the offset in the request. `None` if
    /// the request names no offset, or a wrong one, which the store refuses.
    pub(crate) fn reach(&self) -> Option<usize> {
        if self.spec().lengths == Lengths::Reaches(Reach::Fields) {
            let fields = Field::parse_all(self.args.get(1..)?).ok()?;
            return fields.iter().filter(|it| it.is_write()).map(Field::reach).max();
        }
        let [_, offset, part, ..] = &self.args[..] else { return None };
        match self.spec().lengths {
            Lengths::Reaches(Reach::Bit) if matches!(&part[..], b"0" | b"1") => {
                let byte = usize::try_from(integer::parse(offset)?).ok()? / 8;
                (byte < LONGEST_VALUE).then_some(byte + 1)
            }
            Lengths::Reaches(Reach::Bytes) if !part.is_empty() => {
                usize::try_from(integer::parse(offset)?).ok()?.checked_add(part.len())
            }
            _ => None,
        }
    }

    /// The error for an operation that would make a value longer than the limit.
    pub(crate) fn overgrowth(&self, max_reply: usize) -> Option<ErrorReply> {
        if self.spec().cost != Cost::Grows {
            return None;
        }
        growth_error(self.reach()?, max_reply)
    }

    /// Whether the operation may keep the store busy for long, so that all other requests wait.
    pub(crate) fn is_expensive(&self) -> bool {
        match self.spec().cost {
            Cost::Small => self.args.len() > MANY_ARGUMENTS,
            Cost::Reads | Cost::Copies | Cost::Unpacks | Cost::Combines | Cost::Product => true,
            Cost::Grows => self.reach().is_some_and(|reach| reach > SMALL_GROWTH),
        }
    }
}

/// The error for a value of `len` bytes, if that exceeds the limit. A short request must not fill
/// the memory, and a value that is too long to be read must not be made.
pub(crate) fn growth_error(len: usize, max_reply: usize) -> Option<ErrorReply> {
    if len > LONGEST_VALUE {
        let text = "string exceeds maximum allowed size (proto-max-bulk-len)";
        return Some(ErrorReply::Failed(text.into()));
    }
    (len > max_reply).then(|| {
        let text = format!("value longer than KVSOCK_MAX_REPLY lets a reply be, {max_reply} bytes");
        ErrorReply::Failed(text.into())
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn operation(name: &str, offset: &'static str, part: &'static str) -> Operation {
        let args = ["k", offset, part].map(Bytes::from);
        Operation::named(name, args.into_iter().collect()).expect("a command")
    }

    #[test]
    fn an_offset_says_how_long_the_value_becomes() {
        for (name, offset, part, reach) in [
            ("SETBIT", "0", "1", Some(1)),
            ("SETBIT", "7", "0", Some(1)),
            ("SETBIT", "8", "1", Some(2)),
            ("SETBIT", "4294967295", "1", Some(LONGEST_VALUE)),
            ("SETBIT", "4294967296", "1", None),
            ("SETBIT", "8", "2", None),
            ("SETBIT", "-1", "1", None),
            ("SETRANGE", "10", "abc", Some(13)),
            ("SETRANGE", "10", "", None),
            ("SETRANGE", "-1", "abc", None),
            ("SETRANGE", "+1", "abc", None),
            ("SET", "10", "abc", None),
        ] {
            assert_eq!(operation(name, offset, part).reach(), reach, "{name} {offset} {part}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_made() {
        assert_eq!(operation("SETRANGE", "9", "x").overgrowth(10), None);
        let text = "value longer than KVSOCK_MAX_REPLY lets a reply be, 10 bytes";
        let refused = operation("SETRANGE", "10", "x").overgrowth(10);
        assert_eq!(refused, Some(ErrorReply::Failed(text.into())));
        let text = "string exceeds maximum allowed size (proto-max-bulk-len)";
        let refused = operation("SETRANGE", "536870912", "x").overgrowth(usize::MAX);
        assert_eq!(refused, Some(ErrorReply::Failed(text.into())));
    }

    #[test]
    fn only_far_offsets_are_expensive() {
        assert!(!operation("SETBIT", "8000000", "1").is_expensive());
        assert!(operation("SETBIT", "80000000", "1").is_expensive());
        assert!(operation("BITCOUNT", "0", "1").is_expensive());
        assert!(!operation("SET", "80000000", "1").is_expensive());
        assert!(operation("KEYS", "*", "").is_expensive(), "as a part of a transaction");
    }
}
