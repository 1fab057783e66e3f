//! The stored form of keys, values, indexes and the state: bytes only, no I/O.

use bytes::{BufMut, Bytes};
use byteview::ByteView;
use fjall::Slice;

/// The first byte of every stored key. The database has no empty keys, but Valkey has.
const KEY_TAG: u8 = b'k';

/// The longest stored key: the database's own limit, less the time before the key in the expiry
/// index.
pub(crate) const MAX_STORED_KEY: usize = u16::MAX as usize - 8;

/// Values of at least this length are shared with the database's memory instead of copied.
const SHARED_FROM: usize = 16 * 1024;

/// The longest value that is not in the index of long values. The serving thread reads one batch of
/// such values in a few milliseconds. A smaller bound needs another mark of a complete index.
const LONGEST: usize = 64 * 1024;

/// The first byte of [`State`]'s encoding.
const STATE_FORMAT: u8 = 2;
/// The same for a store whose index of `last` is in slots.
const STATE_WITH_SLOTS: u8 = 1;

/// The prefix of stored keys for a prefix of clients' keys.
pub(crate) fn stored_prefix(prefix: &[u8]) -> Vec<u8> {
    [&[KEY_TAG], prefix].concat()
}

/// A stored key and its expiry.
pub(crate) type Entry = (Slice, Option<u64>);

/// A value with its expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The moment from which on the key is absent, in Unix milliseconds.
    pub(crate) expires: Option<u64>,
    /// The value that the client set.
    pub(crate) value: Bytes,
}

impl Record {
    /// Whether the key is absent at `now`.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The stored form: 0 and the value, or 1, the expiry and the value.
    pub(crate) fn encode(&self) -> Slice {
        let mut head = [1; 9];
        let head = if let Some(expires) = self.expires {
            head[1..].copy_from_slice(&expires.to_be_bytes());
            &head[..]
        } else {
            &[0]
        };
        joined(head, &self.value)
    }

    /// Reads the stored form.
    pub(crate) fn decode(stored: Slice) -> Result<Record, Malformed> {
        let expires = expiry_of(&stored)?;
        let start = head_len(expires);
        let value = if stored.len() < SHARED_FROM {
            Bytes::copy_from_slice(&stored[start..])
        } else {
            Bytes::from_owner(stored).slice(start..)
        };
        Ok(Record { expires, value })
    }
}

/// The expiry in the stored form of a [`Record`].
pub(crate) fn expiry_of(stored: &[u8]) -> Result<Option<u64>, Malformed> {
    match stored {
        [0, ..] => Ok(None),
        [1, rest @ ..] => match rest.first_chunk() {
            Some(bytes) => Ok(Some(u64::from_be_bytes(*bytes))),
            None => Err(Malformed("a value")),
        },
        _ => Err(Malformed("a value")),
    }
}

/// Whether the index of long values has the key of a value of this length.
pub(crate) fn is_long(len: usize) -> bool {
    len > LONGEST
}

/// The number of bytes before the value in the stored form of a [`Record`].
pub(crate) fn head_len(expires: Option<u64>) -> usize {
    if expires.is_some() { 9 } else { 1 }
}

/// An entry of the expiry index. Entries are ordered by time, then by key.
pub(crate) fn expiry_entry(expires: u64, stored_key: &[u8]) -> Slice {
    joined(&expires.to_be_bytes(), stored_key)
}

/// Reads an [`expiry_entry`], or a slot of the index of `last`: the moment when a key was set, and
/// the stored key.
pub(crate) fn split_entry(entry: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    match entry.split_first_chunk() {
        Some((number, key)) if !key.is_empty() => Ok((u64::from_be_bytes(*number), key)),
        _ => Err(Malformed("an index entry")),
    }
}

/// `head` followed by `tail`, in at most one allocation.
pub(crate) fn joined(head: &[u8], tail: &[u8]) -> Slice {
    ByteView::fused(head, tail).into()
}

/// The form in which the index of `last` is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecentForm {
    /// The older form: a slot for each key. The number counts the slots that were ever used.
    Slots(u32),
    /// The number of pages. Each page holds the steps that followed the page before.
    Pages(u32),
}

impl Default for RecentForm {
    fn default() -> RecentForm {
        RecentForm::Pages(0)
    }
}

/// The state of the whole store. Each commit writes it, so that it is never behind the data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// The number of the commit that wrote the state. After a failure it tells whether the commit
    /// took place.
    pub(crate) commit: u64,
    /// The set of keyspaces that holds the data. Clearing the store begins another set.
    pub(crate) generation: u64,
    /// The number of stored keys under `prefix`, including expired keys that were not removed yet.
    pub(crate) count: u64,
    /// The form and the size of the index of `last`.
    pub(crate) recent: RecentForm,
    /// The prefix that `count` is for.
    pub(crate) prefix: Bytes,
}

impl State {
    /// The stored form.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(37 + self.prefix.len());
        let (format, number) = match self.recent {
            RecentForm::Slots(number) => (STATE_WITH_SLOTS, number),
            RecentForm::Pages(number) => (STATE_FORMAT, number),
        };
        stored.put_u8(format);
        for number in [self.commit, self.generation, self.count] {
            stored.put_u64(number);
        }
        if format == STATE_WITH_SLOTS {
            // The time when a key was set last. The slots contain it, too.
            stored.put_u64(u64::MAX);
        }
        stored.put_u32(number);
        stored.extend_from_slice(&self.prefix);
        stored
    }

    /// Reads the stored form.
    pub(crate) fn decode(stored: &[u8]) -> Result<State, Malformed> {
        let malformed = Malformed("the state");
        let (with_slots, mut rest) = match stored {
            [STATE_FORMAT, rest @ ..] => (false, rest),
            [STATE_WITH_SLOTS, rest @ ..] => (true, rest),
            _ => return Err(malformed),
        };
        let mut numbers = [0; 4];
        for number in &mut numbers[..if with_slots { 4 } else { 3 }] {
            let (bytes, after) = rest.split_first_chunk().ok_or(malformed)?;
            *number = u64::from_be_bytes(*bytes);
            rest = after;
        }
        let (number, prefix) = rest.split_first_chunk().ok_or(malformed)?;
        let number = u32::from_be_bytes(*number);
        let recent = if with_slots { RecentForm::Slots(number) } else { RecentForm::Pages(number) };
        let [commit, generation, count, _] = numbers;
        Ok(State { commit, generation, count, recent, prefix: Bytes::copy_from_slice(prefix) })
    }
}

/// A stored form that is unknown to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} has an unknown form")]
pub(crate) struct Malformed(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for expires in [None, Some(u64::MAX)] {
            for value in [Bytes::new(), Bytes::from(vec![7; SHARED_FROM])] {
                let record = Record { expires, value };
                assert_eq!(Record::decode(record.encode()), Ok(record));
            }
        }
        for recent in [RecentForm::Slots(5), RecentForm::Pages(6)] {
            let prefix = Bytes::from_static(b"p:");
            let state = State { commit: 1, generation: 2, count: 3, recent, prefix };
            assert_eq!(State::decode(&state.encode()), Ok(state));
        }
        assert_eq!(split_entry(&expiry_entry(9, b"kx")), Ok((9, b"kx".as_slice())));
    }

    #[test]
    fn damaged_forms_are_errors() {
        assert!(Record::decode(Vec::new().into()).is_err());
        assert!(Record::decode(vec![1, 0].into()).is_err());
        assert!(Record::decode(vec![2].into()).is_err());
        assert!(State::decode(&[STATE_FORMAT; 20]).is_err());
        assert!(State::decode(&[]).is_err());
        assert!(split_entry(&[0; 8]).is_err());
    }
}
