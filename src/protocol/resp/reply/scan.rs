//! A scan for the parts of one reply, which takes nothing out of the buffer.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use smallvec::SmallVec;

use crate::message::Reply;
use crate::protocol::resp::number::{NumberFault, parse_number, read_number};

/// The most levels of nested replies: more than a script in Valkey can return.
const DEPTH_MAX: usize = 128;

/// Input that is no reply, so that the rest cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The first byte belongs to no kind of reply, or to one that answers no request.
    #[error("a reply cannot begin with the byte 0x{0:02x}")]
    Kind(u8),
    /// A length, number or boolean is invalid.
    #[error("bad number in a reply of kind '{}'", char::from(*.0))]
    Number(u8),
    /// A line or a value does not end in CR LF.
    #[error("reply of kind '{}' not ended by CR LF", char::from(*.0))]
    End(u8),
    /// Replies are nested too deeply.
    #[error("reply nested deeper than {DEPTH_MAX}")]
    Depth,
}

/// A part of a reply.
#[derive(Debug)]
pub(crate) enum Part {
    /// A short part, decoded.
    Whole(Reply),
    /// The place of data in the buffer.
    Value(Range<usize>),
    /// The place of a text in the buffer.
    Text(Range<usize>),
    /// An array of this many replies, which follow.
    Array(usize),
    /// A set of this many replies, which follow.
    Set(usize),
    /// A map of this many pairs, whose replies follow.
    Map(usize),
    /// A push of this many replies, which follow.
    Push(usize),
}

/// The parts in order; most replies have one.
pub(crate) type Parts = SmallVec<[Part; 1]>;

/// The result of one step of the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next part is incomplete.
    Waiting,
    /// A part was found, and the reply has more.
    More,
    /// The last part of the reply was found.
    Whole,
}

/// The state of the scan of one reply.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The parts found; a container precedes its elements.
    pub(crate) parts: Parts,
    /// The start of the next part, or the end of a complete reply.
    pub(crate) start: usize,
    /// The end of the search for the next part's line end so far.
    seen: usize,
    /// For each open container, the number of replies still to come.
    open: SmallVec<[usize; 4]>,
    /// Bytes of values and texts in the parts.
    data: usize,
    /// The end of the value that is being received; 0 if there is none.
    announced: usize,
    /// Whether a push may come in place of a reply; it never may inside one.
    takes_pushes: bool,
}

impl Scan {
    /// A scan that accepts pushes.
    pub(crate) fn taking_pushes() -> Scan {
        Scan { takes_pushes: true, ..Scan::default() }
    }

    /// A new scan that accepts the same as this one.
    #[must_use]
    pub(crate) fn another(&self) -> Scan {
        Scan { takes_pushes: self.takes_pushes, ..Scan::default() }
    }

    /// Resets the scan for the next reply; returns the parts of the present reply and its end.
    pub(crate) fn renew(&mut self) -> (Parts, usize) {
        (self.seen, self.data, self.announced) = (0, 0, 0);
        self.open.clear();
        (std::mem::take(&mut self.parts), std::mem::take(&mut self.start))
    }

    /// Whether part of a reply has arrived that is certainly no push.
    pub(crate) fn is_within_reply(&self) -> bool {
        match self.parts.first() {
            Some(Part::Push(_)) => false,
            Some(_) => true,
            None => self.announced > 0,
        }
    }

    /// Continues the scan; true if the reply is complete.
    pub(crate) fn go_on(&mut self, buffer: &[u8]) -> Result<bool, Malformed> {
        loop {
            match self.step(buffer)? {
                Step::Waiting => return Ok(false),
                Step::More => {}
                Step::Whole => return Ok(true),
            }
        }
    }

    /// Scans the next part.
    pub(crate) fn step(&mut self, buffer: &[u8]) -> Result<Step, Malformed> {
        let Some((part, next)) = self.read_part(buffer)? else { return Ok(Step::Waiting) };
        let within = match &part {
            Part::Array(count) | Part::Set(count) | Part::Push(count) => *count,
            Part::Map(count) => count.saturating_mul(2),
            Part::Value(range) | Part::Text(range) => {
                self.data += range.len();
                0
            }
            Part::Whole(_) => 0,
        };
        self.parts.push(part);
        (self.start, self.seen, self.announced) = (next, next, 0);
        if within > 0 {
            if self.open.len() == DEPTH_MAX {
                return Err(Malformed::Depth);
            }
            self.open.push(within);
            Ok(Step::More)
        } else if self.close() {
            Ok(Step::Whole)
        } else {
            Ok(Step::More)
        }
    }

    /// The least bytes of values and texts that the reply will have, by the lengths announced so
    /// far.
    pub(crate) fn data(&self) -> usize {
        // The line before a value and its end are not counted.
        self.data + self.announced.saturating_sub(self.seen + 4)
    }

    /// The least memory that the reply will take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.len() * size_of::<Part>() + self.announced.max(self.start)
    }

    /// The end of the value that is being received, with its line end; 0 if there is none.
    pub(crate) fn value_end(&self) -> usize {
        self.announced
    }

    /// Takes the end of the value that is being received, with its line end; 0 if there is none.
    /// The caller then reads the value itself.
    pub(crate) fn take_announced(&mut self) -> usize {
        if self.announced > 0 {
            self.seen = self.start;
        }
        std::mem::take(&mut self.announced)
    }

    /// Drops the scanned bytes.
    pub(crate) fn forget(&mut self, buffer: &mut BytesMut) {
        buffer.advance(self.start);
        self.seen -= self.start;
        self.announced = self.announced.saturating_sub(self.start);
        self.start = 0;
        self.parts.clear();
    }

    /// Closes one reply, and each container that it completes; true if all are complete.
    pub(crate) fn close(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }

    /// Whether the scan has found no part yet, and none was taken out of the buffer.
    pub(crate) fn is_at_start(&self) -> bool {
        self.start == 0 && self.seen == 0 && self.is_at_top()
    }

    fn is_at_top(&self) -> bool {
        self.parts.is_empty() && self.open.is_empty()
    }

    /// The next part and its end, if it is complete.
    fn read_part(&mut self, buffer: &[u8]) -> Result<Option<(Part, usize)>, Malformed> {
        let Some(kind) = buffer.get(self.start).copied() else { return Ok(None) };
        match kind {
            b'+' | b'-' | b':' | b',' | b'#' | b'_' | b'(' => self.read_line(kind, buffer),
            b'$' | b'=' => self.read_bulk(kind, buffer),
            b'*' | b'~' | b'%' => self.read_count(kind, buffer),
            b'>' if self.takes_pushes && self.is_at_top() => self.read_count(kind, buffer),
            other => Err(Malformed::Kind(other)),
        }
    }

    fn read_line(&mut self, kind: u8, buffer: &[u8]) -> Result<Option<(Part, usize)>, Malformed> {
        let from = self.seen.max(self.start + 1);
        let found = memchr::memchr2(b'\r', b'\n', &buffer[from..]);
        let end = found.map_or(buffer.len(), |length| from + length);
        self.seen = end;
        match (buffer.get(end), buffer.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => {}
            (None, _) | (Some(b'\r'), None) => return Ok(None),
            _ => return Err(Malformed::End(kind)),
        }
        let line = &buffer[self.start + 1..end];
        let reply = parse_line(kind, line).ok_or(Malformed::Number(kind))?;
        Ok(Some((Part::Whole(reply), end + 2)))
    }

    fn read_bulk(&mut self, kind: u8, buffer: &[u8]) -> Result<Option<(Part, usize)>, Malformed> {
        let Some((length, mut start)) = self.read_number(kind, buffer)? else { return Ok(None) };
        if length == -1 && kind == b'$' {
            return Ok(Some((Part::Whole(Reply::Nil), start)));
        }
        let length = usize::try_from(length).map_err(|_| Malformed::Number(kind))?;
        let end = start.checked_add(length).ok_or(Malformed::Number(kind))?;
        match (buffer.get(end), buffer.get(end.saturating_add(1))) {
            (Some(b'\r'), Some(b'\n')) => {}
            (None, _) | (Some(b'\r'), None) => {
                self.announced = end.saturating_add(2);
                return Ok(None);
            }
            _ => return Err(Malformed::End(kind)),
        }
        if kind == b'$' {
            return Ok(Some((Part::Value(start..end), end + 2)));
        }
        // `txt:` and `mkd:` name a text format, which is ignored.
        start += 4;
        if start > end || buffer[start - 1] != b':' {
            return Err(Malformed::Number(kind));
        }
        Ok(Some((Part::Text(start..end), end + 2)))
    }

    fn read_count(&mut self, kind: u8, buffer: &[u8]) -> Result<Option<(Part, usize)>, Malformed> {
        let Some((count, next)) = self.read_number(kind, buffer)? else { return Ok(None) };
        if count == -1 && kind == b'*' {
            return Ok(Some((Part::Whole(Reply::NilList), next)));
        }
        let count = usize::try_from(count).map_err(|_| Malformed::Number(kind))?;
        let part = match kind {
            b'~' => Part::Set(count),
            b'%' => Part::Map(count),
            b'>' => Part::Push(count),
            _ => Part::Array(count),
        };
        Ok(Some((part, next)))
    }

    fn read_number(&mut self, kind: u8, buffer: &[u8]) -> Result<Option<(i64, usize)>, Malformed> {
        read_number(buffer, self.start + 1, &mut self.seen).map_err(|fault| match fault {
            NumberFault::Invalid | NumberFault::Endless => Malformed::Number(kind),
            NumberFault::LineEnd => Malformed::End(kind),
        })
    }
}

/// The reply in a line of this kind.
fn parse_line(kind: u8, line: &[u8]) -> Option<Reply> {
    let text = || String::from_utf8_lossy(line);
    Some(match kind {
        b'+' if line == b"OK" => Reply::OK,
        b'+' if line == b"QUEUED" => Reply::Status("QUEUED"),
        b'+' => Reply::Word(text().into_owned()),
        b'-' => match text() {
            Cow::Borrowed(text) => parse_error(text),
            Cow::Owned(text) => parse_error(&text),
        },
        b':' => Reply::Integer(parse_number(line)?),
        // A number of any length, for which RESP 2 has no form.
        b'(' if is_integer(line) => Reply::Value(Bytes::copy_from_slice(line)),
        b',' => Reply::Double(text().parse().ok()?),
        b'#' if line == b"t" => Reply::Boolean(true),
        b'#' if line == b"f" => Reply::Boolean(false),
        b'_' if line.is_empty() => Reply::Nil,
        _ => return None,
    })
}

fn is_integer(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn parse_error(text: &str) -> Reply {
    match text.strip_prefix("ERR ") {
        Some(text) => Reply::failed(text.to_owned()),
        None if text == "ERR" => Reply::failed(""),
        None => Reply::coded(text.to_owned()),
    }
}
