//! A request as clients send it: `*<n>`, then n times `$<length>` and the argument.

use bytes::{Buf, BytesMut};
use smallvec::SmallVec;

use super::step::{Fault, Step};
use crate::message::{Args, Name, Request};
use crate::protocol::Progress;
use crate::protocol::resp::number::{NumberFault, read_number};

/// The most arguments of a request, including its name.
const COUNT_MAX: i64 = 1024 * 1024;
/// The most bytes of an argument.
const LENGTH_MAX: i64 = 512 * 1024 * 1024;
/// Bytes of the shortest argument: `$0` and two line ends.
const ARGUMENT_MIN: usize = 6;

/// The most arguments of a short request, including its name.
const PLAIN: usize = 5;
/// Bytes of the longest line before an argument of a short request. The rest after the shortest
/// such line is at least as long.
const SHORT_LINE: usize = 6;

/// A request that is being received. Its bytes stay in the buffer meanwhile.
#[derive(Debug)]
pub(crate) struct Frame {
    expected: Expected,
    /// The start of the next part, from the front of the buffer.
    start: usize,
    /// The end of the search for the next line end so far.
    seen: usize,
    /// The number of arguments still to come.
    left: usize,
    /// The start and end of each argument in the buffer.
    args: SmallVec<[(usize, usize); 8]>,
    /// The request was refused as too long: its bytes are dropped.
    refused: bool,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Count,
    Length,
    /// This many bytes of an argument.
    Data(usize),
}

impl Frame {
    pub(crate) fn new() -> Frame {
        Frame {
            expected: Expected::Count,
            start: 0,
            seen: 0,
            left: 0,
            args: SmallVec::new(),
            refused: false,
        }
    }

    /// The rest of a refused request: `left` arguments are still to come, the first with `data`
    /// more bytes if its length is known.
    pub(crate) fn refused(left: usize, data: Option<usize>) -> Frame {
        // A request without arguments would be complete; a record that claims one is not trusted.
        let left = left.max(1);
        let data = data.filter(|length| i64::try_from(*length).is_ok_and(|it| it <= LENGTH_MAX));
        let expected = data.map_or(Expected::Length, Expected::Data);
        Frame { expected, left, refused: true, ..Frame::new() }
    }

    /// The state from which another decoder can resume. All bytes of a request that was not refused
    /// are in the buffer.
    pub(crate) fn progress(&self) -> Progress {
        let left = self.left;
        match self.expected {
            _ if !self.refused => Progress::Request,
            Expected::Data(length) => Progress::RefusedData { length, left },
            Expected::Count | Expected::Length => Progress::RefusedLength { left },
        }
    }

    /// Continues in `buffer`, which began with `*`. A request of more than `max_request` bytes (0:
    /// unlimited) is refused as soon as its lengths show that.
    pub(crate) fn read(
        &mut self,
        buffer: &mut BytesMut,
        max_request: usize,
    ) -> Result<Step, Fault> {
        loop {
            let went_on = match self.expected {
                Expected::Count => self.read_count(buffer)?,
                Expected::Length => self.read_length(buffer)?,
                Expected::Data(length) => self.read_data(length, buffer)?,
            };
            if self.refused {
                self.forget(buffer);
            }
            if !went_on {
                return Ok(Step::Waiting);
            }
            if self.left == 0 {
                return Ok(self.whole(buffer));
            }
            if !self.refused && max_request != 0 && self.least() > max_request {
                self.refused = true;
                self.args = SmallVec::new();
                self.forget(buffer);
                return Ok(Step::TooLong);
            }
        }
    }

    fn read_count(&mut self, buffer: &[u8]) -> Result<bool, Fault> {
        let number = read_number(buffer, self.start + 1, &mut self.seen);
        let Some((count, next)) = number.map_err(|fault| match fault {
            NumberFault::Invalid => Fault::Count,
            NumberFault::LineEnd => Fault::LineEnd,
            NumberFault::Endless => Fault::EndlessCount,
        })?
        else {
            return Ok(false);
        };
        if count > COUNT_MAX {
            return Err(Fault::Count);
        }
        // A negative count means none, as in Valkey.
        self.left = usize::try_from(count).unwrap_or(0);
        self.expect(Expected::Length, next);
        Ok(true)
    }

    fn read_length(&mut self, buffer: &[u8]) -> Result<bool, Fault> {
        match buffer.get(self.start) {
            None => return Ok(false),
            Some(b'$') => {}
            Some(other) => return Err(Fault::NotBulk(*other)),
        }
        let number = read_number(buffer, self.start + 1, &mut self.seen);
        let Some((length, next)) = number.map_err(|fault| match fault {
            NumberFault::Invalid => Fault::Length,
            NumberFault::LineEnd => Fault::LineEnd,
            NumberFault::Endless => Fault::EndlessLength,
        })?
        else {
            return Ok(false);
        };
        if length > LENGTH_MAX {
            return Err(Fault::Length);
        }
        let length = usize::try_from(length).map_err(|_| Fault::Length)?;
        self.expect(Expected::Data(length), next);
        Ok(true)
    }

    fn read_data(&mut self, length: usize, buffer: &[u8]) -> Result<bool, Fault> {
        let end = self.start + length;
        match (buffer.get(end), buffer.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => {}
            (None, _) | (Some(b'\r'), None) => return Ok(false),
            _ => return Err(Fault::DataEnd),
        }
        if !self.refused {
            self.args.push((self.start, end));
        }
        self.left -= 1;
        self.expect(Expected::Length, end + 2);
        Ok(true)
    }

    fn expect(&mut self, expected: Expected, start: usize) {
        self.expected = expected;
        self.start = start;
        self.seen = start;
    }

    /// The least bytes of the request, by the lengths announced so far.
    fn least(&self) -> usize {
        let announced = match self.expected {
            // `left` still counts the present argument, with the size of the shortest.
            Expected::Data(length) => length + 2 + (self.left - 1) * ARGUMENT_MIN,
            Expected::Count | Expected::Length => self.left * ARGUMENT_MIN,
        };
        self.start.saturating_add(announced)
    }

    /// Drops all bytes read.
    fn forget(&mut self, buffer: &mut BytesMut) {
        if let Expected::Data(length) = &mut self.expected {
            let taken = (*length).min(buffer.len() - self.start);
            *length -= taken;
            self.start += taken;
        }
        buffer.advance(self.start);
        self.seen = self.seen.saturating_sub(self.start);
        self.start = 0;
    }

    fn whole(&mut self, buffer: &mut BytesMut) -> Step {
        take(buffer, self.start, &self.args)
    }
}

/// Takes a short and complete request in the most frequent form from the front of `buffer`. After
/// `None`, [`Frame::read`] decides.
pub(crate) fn take_plain(buffer: &mut BytesMut, max_request: usize) -> Option<Request> {
    let (count, mut start) = read_short(buffer, 0, b'*')?;
    let mut args = [(0, 0); PLAIN];
    let args = args.get_mut(..count).filter(|args| !args.is_empty())?;
    for arg in args.iter_mut() {
        let (length, from) = read_short(buffer, start, b'$')?;
        let end = from + length;
        if buffer.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        *arg = (from, end);
        start = end + 2;
    }
    if max_request != 0 && start > max_request {
        return None;
    }
    match take(buffer, start, args) {
        Step::Whole(request) => Some(request),
        _ => None,
    }
}

/// A number of one to three digits after `kind`, and the start of the next line.
fn read_short(buffer: &[u8], start: usize, kind: u8) -> Option<(usize, usize)> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| usize::from(byte - b'0'));
    let number = match *buffer.get(start..start + SHORT_LINE)? {
        [first, one, b'\r', b'\n', ..] if first == kind => (digit(one)?, 4),
        [first, ten @ b'1'..=b'9', one, b'\r', b'\n', ..] if first == kind => {
            (digit(ten)? * 10 + digit(one)?, 5)
        }
        [first, hundred @ b'1'..=b'9', ten, one, b'\r', b'\n'] if first == kind => {
            (digit(hundred)? * 100 + digit(ten)? * 10 + digit(one)?, 6)
        }
        _ => return None,
    };
    Some((number.0, start + number.1))
}

/// Takes the bytes up to `end`, which hold the arguments at `args`. The last argument takes over
/// the reference to the buffer; every other one needs a new one.
fn take(buffer: &mut BytesMut, end: usize, args: &[(usize, usize)]) -> Step {
    let [(from, to), args @ ..] = args else {
        buffer.advance(end);
        return Step::Nothing;
    };
    let name = Name::from_slice(&buffer[*from..*to]);
    let Some(((from, to), others)) = args.split_last() else {
        buffer.advance(end);
        return Step::Whole(Request { name, args: Args::new() });
    };
    let mut frame = buffer.split_to(end).freeze();
    let mut args: Args = others.iter().map(|(from, to)| frame.slice(*from..*to)).collect();
    frame.truncate(*to);
    frame.advance(*from);
    args.push(frame);
    Step::Whole(Request { name, args })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_lengths_reserve_nothing() {
        let mut buffer = BytesMut::from(&b"*1048576\r\n$536870912\r\nabc"[..]);
        let mut frame = Frame::new();
        assert_eq!(frame.read(&mut buffer, 0), Ok(Step::Waiting));
        assert!(matches!(frame.expected, Expected::Data(536_870_912)));
        assert!(buffer.capacity() < 1024);
        assert!(!frame.args.spilled());
    }
}
