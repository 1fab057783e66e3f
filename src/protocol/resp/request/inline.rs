//! An inline request, as people type it: a line of words that does not begin with `*`.

use bytes::{Buf, Bytes, BytesMut};

use super::step::{Fault, Step};
use super::words::{is_blank, split_words};
use crate::message::{Name, Request};
use crate::protocol::Progress;
use crate::protocol::resp::number::LINE_MAX;

/// A line that is being received.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Bytes at the front of the buffer without a line end.
    seen: usize,
    /// Bytes of the line that were dropped before those.
    dropped: usize,
    /// The line was refused as too long: it is dropped up to its end.
    refused: bool,
}

impl Line {
    /// The rest of a refused line; `dropped` bytes of it were dropped already.
    pub(crate) fn refused(dropped: usize) -> Line {
        Line { seen: 0, dropped: dropped.min(LINE_MAX), refused: true }
    }

    /// The state from which another decoder can resume.
    pub(crate) fn progress(&self) -> Progress {
        if self.refused {
            Progress::RefusedLine { dropped: self.dropped }
        } else {
            Progress::Request
        }
    }

    /// Continues in `buffer`. A line of more than `max_request` bytes (0: unlimited), with its end,
    /// is refused as soon as that many have arrived.
    pub(crate) fn read(
        &mut self,
        buffer: &mut BytesMut,
        max_request: usize,
    ) -> Result<Step, Fault> {
        let found = buffer[self.seen..].iter().position(|byte| stops(*byte));
        self.seen = found.map_or(buffer.len(), |length| self.seen + length);
        let length = self.dropped + self.seen;
        if !self.refused && (1..=LINE_MAX).contains(&max_request) && length >= max_request {
            self.refused = true;
            return Ok(Step::TooLong);
        }
        if length > LINE_MAX {
            return Err(Fault::EndlessLine);
        }
        match buffer.get(self.seen) {
            Some(b'\n') => {}
            Some(control) => return Err(Fault::Control(*control)),
            None => {
                if self.refused {
                    buffer.advance(self.seen);
                    self.dropped = length;
                    self.seen = 0;
                }
                return Ok(Step::Waiting);
            }
        }
        let mut line = buffer.split_to(self.seen + 1).freeze();
        if self.refused {
            return Ok(Step::Nothing);
        }
        line.truncate(self.seen);
        parse(&line)
    }
}

/// The line end, and bytes that no line contains: a peer that sends those speaks another protocol,
/// and would wait for ever.
fn stops(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r')
}

fn parse(line: &Bytes) -> Result<Step, Fault> {
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    if text.ends_with(b" HTTP/1.0") || text.ends_with(b" HTTP/1.1") {
        return Err(Fault::Http);
    }
    let first = text.iter().copied().skip_while(|byte| is_blank(*byte));
    if is_http_header(first.take_while(|byte| !is_blank(*byte))) {
        return Err(Fault::Http);
    }
    let mut words = split_words(&line.slice(..text.len())).map_err(|_| Fault::Quotes)?;
    if words.is_empty() {
        return Ok(Step::Nothing);
    }
    let name = Name::from_slice(&words.remove(0));
    Ok(Step::Whole(Request { name, args: words }))
}

/// A web browser can be made to send HTTP to a local socket, and further lines of it may be
/// commands. Every such request has one of these headers first.
fn is_http_header(word: impl Iterator<Item = u8> + Clone) -> bool {
    let word = word.map(|byte| byte.to_ascii_lowercase());
    word.clone().eq(*b"post") || word.eq(*b"host:")
}
