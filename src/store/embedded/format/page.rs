//! The pages of the index of `last`: bytes only, no I/O. [`crate::store::embedded::last`] gives
//! them their meaning.

use bytes::{Buf, BufMut};
use fjall::Slice;

use super::layout::Malformed;

/// The bounds of the index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bounds {
    /// The most keys of each part.
    pub(crate) depth: usize,
    /// The prefix of the parts' names, if the store has parts.
    pub(crate) parts: Option<Slice>,
}

/// One change of the index of `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// This stored key was set.
    Set(&'a [u8]),
    /// This stored key was removed.
    Remove(&'a [u8]),
}

impl Step<'_> {
    /// Adds the stored form to a page.
    pub(crate) fn encode(self, page: &mut Vec<u8>) {
        let (tag, key) = match self {
            Step::Set(key) => (0, key),
            Step::Remove(key) => (1, key),
        };
        page.put_u8(tag);
        page.put_u16(u16::try_from(key.len()).expect("a stored key is not so long"));
        page.extend_from_slice(key);
    }

    /// All steps of a page, in order.
    pub(crate) fn all(mut page: &[u8]) -> impl Iterator<Item = Result<Step<'_>, Malformed>> {
        std::iter::from_fn(move || {
            let (head, rest) = page.split_first_chunk::<3>().unwrap_or((&[u8::MAX; 3], page));
            if page.is_empty() {
                return None;
            }
            let key = rest.split_at_checked(u16::from_be_bytes([head[1], head[2]]).into());
            page = key.map_or(&b""[..], |(_, rest)| rest);
            Some(match (head[0], key) {
                (0, Some((key, _))) => Ok(Step::Set(key)),
                (1, Some((key, _))) => Ok(Step::Remove(key)),
                _ => Err(Malformed("a page of the index of last")),
            })
        })
    }
}

impl Bounds {
    /// The name of the part that a key belongs to: the beginning of the key.
    pub(crate) fn part_of<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        let Some(parts) = self.parts.as_deref() else { return b"" };
        let name = key.strip_prefix(parts).and_then(|name| memchr::memchr(b':', name));
        name.map_or(b"", |end| &key[..=parts.len() + end])
    }

    /// Adds the stored form to the first page. The steps of the log depend on the bounds.
    pub(crate) fn encode(&self, page: &mut Vec<u8>) {
        page.put_u64(self.depth as u64);
        page.put_u8(self.parts.is_some().into());
        let parts = self.parts.as_deref().unwrap_or_default();
        page.put_u32(u32::try_from(parts.len()).expect("a prefix is not so long"));
        page.extend_from_slice(parts);
    }

    /// Reads the bounds from the first page, and leaves the steps in it.
    pub(crate) fn decode(page: &mut &[u8]) -> Result<Bounds, Malformed> {
        let malformed = Malformed("the index of last");
        let depth = page.try_get_u64().map_err(|_| malformed)?;
        let has_parts = page.try_get_u8().map_err(|_| malformed)? != 0;
        let len = page.try_get_u32().map_err(|_| malformed)? as usize;
        let (parts, steps) = page.split_at_checked(len).ok_or(malformed)?;
        *page = steps;
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        Ok(Bounds { depth, parts: has_parts.then(|| Slice::from(parts)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::format::layout::MAX_STORED_KEY;

    #[test]
    fn what_is_written_is_read_back() {
        let mut page = Vec::new();
        let longest = vec![b'x'; MAX_STORED_KEY];
        let steps = [Step::Set(b"k"), Step::Remove(b""), Step::Set(&longest)];
        for step in steps {
            step.encode(&mut page);
        }
        assert_eq!(Step::all(&page).collect::<Result<Vec<_>, _>>(), Ok(steps.to_vec()));
        for parts in [None, Some(Slice::from("")), Some(Slice::from("kp:"))] {
            let bounds = Bounds { depth: 7, parts };
            let mut page = Vec::new();
            bounds.encode(&mut page);
            page.extend_from_slice(b"steps");
            let mut rest = &page[..];
            assert_eq!(Bounds::decode(&mut rest), Ok(bounds));
            assert_eq!(rest, b"steps");
        }
    }

    #[test]
    fn damaged_forms_are_errors() {
        for page in [&b"\x00"[..], b"\x00\x00\x02k", b"\x02\x00\x01k"] {
            assert!(Step::all(page).any(|step| step.is_err()), "{page:?}");
        }
        assert!(Bounds::decode(&mut &[0; 10][..]).is_err());
        assert!(Bounds::decode(&mut &[1; 20][..]).is_err());
    }
}
