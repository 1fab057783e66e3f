//! The decoding of requests by the daemon.

use bytes::{Buf, Bytes, BytesMut};

use super::words::split_words;
use crate::message::{Name, Reply, Request};
use crate::protocol::{Decoded, Progress};

/// Decodes request lines from a buffer, in bounded memory.
#[derive(Debug)]
pub struct Decoder {
    /// The most bytes of a line, without its end; 0 is unlimited.
    max_request: usize,
    /// Bytes at the start of the buffer without an LF, so that no byte is searched twice.
    searched: usize,
    /// The present line was refused as too long: it is dropped up to its end.
    skipping: bool,
    /// The index of the argument of a command that takes the rest of the line.
    value_at: fn(&[u8]) -> Option<usize>,
    state: State,
}

/// The state of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No line was decoded yet: the peer may take this for a port of another protocol.
    First,
    /// Lines were decoded.
    Lines,
    /// The peer speaks another protocol.
    Broken,
}

impl Decoder {
    /// A decoder of lines of up to `max_request` bytes (0: unlimited). `value_at` returns the
    /// index, from 0, of the argument of a command that takes the rest of the line.
    pub fn new(max_request: usize, value_at: fn(&[u8]) -> Option<usize>) -> Decoder {
        Decoder { max_request, searched: 0, skipping: false, value_at, state: State::First }
    }

    /// A decoder that resumes from the state of another, with the bytes that were left.
    pub fn resume(
        max_request: usize,
        value_at: fn(&[u8]) -> Option<usize>,
        progress: Progress,
    ) -> Decoder {
        Decoder {
            skipping: matches!(progress, Progress::RefusedLine { .. }),
            state: if progress == Progress::Request { State::First } else { State::Lines },
            ..Decoder::new(max_request, value_at)
        }
    }

    /// The state from which another decoder can resume.
    pub fn progress(&self) -> Progress {
        match self.state {
            _ if self.skipping => Progress::RefusedLine { dropped: 0 },
            State::First => Progress::Request,
            State::Lines | State::Broken => Progress::Lines,
        }
    }

    /// Takes the next request from the front of `buffer`; `None` if no line is complete. Empty
    /// lines are skipped.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        match self.state {
            State::First if buffer.starts_with(TLS) => return Some(self.foreign("TLS", buffer)),
            State::First | State::Lines => {}
            State::Broken => {
                buffer.clear();
                return None;
            }
        }
        loop {
            let Some(found) = memchr::memchr(b'\n', &buffer[self.searched..]) else {
                return self.keep(buffer);
            };
            let mut line = buffer.split_to(self.searched + found + 1).freeze();
            self.searched = 0;
            line.truncate(line.len() - 1);
            if line.last() == Some(&b'\r') {
                line.truncate(line.len() - 1);
            }
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            let state = std::mem::replace(&mut self.state, State::Lines);
            if self.is_too_long(line.len()) {
                return Some(self.too_long());
            }
            if state == State::First && is_http(&line) {
                return Some(self.foreign("HTTP", buffer));
            }
            if let Some(decoded) = self.parse(&line) {
                return Some(decoded);
            }
        }
    }

    /// The reply to the rest of `buffer` at the end of the input: a line without an end is refused,
    /// since its value may be incomplete.
    pub fn finish(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        let unended = !buffer.is_empty() && !self.skipping;
        buffer.clear();
        self.searched = 0;
        unended.then(|| Decoded::Refused(Reply::failed("request not ended by a newline")))
    }

    /// Bytes of the next line that are certainly wanted: a hint for the size of a read.
    pub fn pending(&self) -> usize {
        self.searched
    }

    /// Handles a buffer without a line end: remembers that, or begins to skip the line.
    fn keep(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        self.searched = buffer.len();
        // A final CR may belong to the line end.
        let line = buffer.len() - usize::from(buffer.last() == Some(&b'\r'));
        if self.skipping || self.is_too_long(line) {
            buffer.advance(buffer.len());
            self.searched = 0;
            self.state = State::Lines;
            if !std::mem::replace(&mut self.skipping, true) {
                return Some(self.too_long());
            }
        }
        None
    }

    fn is_too_long(&self, length: usize) -> bool {
        self.max_request != 0 && length > self.max_request
    }

    fn too_long(&self) -> Decoded {
        let text = format!("request longer than {} bytes", self.max_request);
        Decoded::Refused(Reply::failed(text))
    }

    /// The last reply to a peer that begins with TLS or HTTP. It would otherwise wait for an answer
    /// for ever, or misread errors as answers.
    fn foreign(&mut self, what: &str, buffer: &mut BytesMut) -> Decoded {
        self.state = State::Broken;
        self.searched = 0;
        buffer.clear();
        let text = format!("this is {what}; kvsock speaks lines of text, or RESP");
        Decoded::Broken(Reply::failed(text))
    }

    fn parse(&self, line: &Bytes) -> Option<Decoded> {
        let Ok(words) = split_words(line, self.value_at) else {
            return Some(Decoded::Refused(Reply::failed("unbalanced quotes in request")));
        };
        let mut words = words.into_iter();
        let name = Name::from_slice(&words.next()?);
        Some(Decoded::Request(Request { name, args: words.collect() }))
    }
}

/// The start of a TLS handshake record (RFC 8446, section 5.1).
const TLS: &[u8] = &[0x16, 0x03];
/// The methods of HTTP (RFC 9110, section 9).
const METHODS: [&[u8]; 9] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];

/// Whether a first line is that of an HTTP request.
fn is_http(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_version = line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0");
    METHODS.contains(&method) && is_version
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder(max_request: usize) -> Decoder {
        Decoder::new(max_request, |name| (name == b"set").then_some(1))
    }

    /// The results for `input` in pieces of `step` bytes, followed by its end.
    fn decoded(input: &[u8], step: usize, max_request: usize) -> (Vec<String>, usize) {
        let (mut decoder, mut buffer) = (decoder(max_request), BytesMut::new());
        let (mut found, mut held) = (Vec::new(), 0);
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(decoded) = decoder.decode(&mut buffer) {
                found.push(decoded);
            }
            held = held.max(buffer.len());
        }
        found.extend(decoder.finish(&mut buffer));
        (found.iter().map(show).collect(), held)
    }

    fn show(decoded: &Decoded) -> String {
        match decoded {
            Decoded::Request(request) => std::iter::once(&request.name[..])
                .chain(request.args.iter().map(|arg| &arg[..]))
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect::<Vec<_>>()
                .join("|"),
            Decoded::Refused(Reply::Error(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_are_the_same_in_whatever_pieces_they_arrive() {
        let input = b"ping\r\n\n  \nset k a b\r\nset k \"a\nget \"x\r\n\0\xff\nhalf";
        for step in 1..=input.len() {
            let (found, _) = decoded(input, step, 0);
            assert_eq!(
                found,
                [
                    "ping",
                    "set|k|a b",
                    "unbalanced quotes in request",
                    "unbalanced quotes in request",
                    "\0\u{fffd}",
                    "request not ended by a newline"
                ],
                "in pieces of {step}"
            );
        }
    }

    #[test]
    fn tls_and_http_get_one_error_and_no_more() {
        for (input, what) in [
            (&b"\x16\x03\x01\x02\x00\x01\x00"[..], "TLS"),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
            (b"POST /x HTTP/1.0\nset a b\n", "HTTP"),
        ] {
            for step in [2, 3, 100] {
                let (mut decoder, mut buffer) = (decoder(0), BytesMut::new());
                let mut found = Vec::new();
                for piece in input.chunks(step) {
                    buffer.extend_from_slice(piece);
                    while let Some(decoded) = decoder.decode(&mut buffer) {
                        found.push(decoded);
                    }
                }
                let text = format!("this is {what}; kvsock speaks lines of text, or RESP");
                assert_eq!(found, [Decoded::Broken(Reply::failed(text))]);
                assert!(buffer.is_empty());
            }
        }
        let (found, _) = decoded(b"set k GET / HTTP/1.1\nset post x HTTP/1.1\n", 100, 0);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_first_line_over_the_limit_is_refused_whatever_it_looks_like() {
        let long = "request longer than 8 bytes";
        // Later lines are not first lines.
        let input = b"GET /index HTTP/1.1\r\n\x16\x03\nGET / HTTP/1.1\nping\n";
        for step in 1..=input.len() {
            let (found, _) = decoded(input, step, 8);
            assert_eq!(found, [long, "\x16\x03", long, "ping"], "in pieces of {step}");
        }
        let (found, _) = decoded(b"0123456789\x16\x03x\nping\n", 10, 8);
        assert_eq!(found, [long, "ping"]);
    }

    #[test]
    fn a_long_first_line_in_small_pieces_takes_no_longer_than_its_length() {
        let input = [vec![b'x'; 2_000_000], b"\n".to_vec()].concat();
        // A decoder that searched anew with each piece would take minutes.
        let (found, _) = decoded(&input, 1, 0);
        assert_eq!(found[0].len(), 2_000_000);
    }

    #[test]
    fn a_line_over_the_limit_is_read_away_in_bounded_memory() {
        let mut input = b"12345678\n12345678\r\n123456789\n".to_vec();
        input.extend(std::iter::repeat_n(b'x', 100_000));
        input.extend_from_slice(b"\nping\n");
        for step in [1, 2, 3, 7, 4096] {
            let (found, held) = decoded(&input, step, 8);
            let long = "request longer than 8 bytes";
            assert_eq!(found, ["12345678", "12345678", long, long, "ping"], "in pieces of {step}");
            assert!(held <= 8 + 2 + step, "held {held}");
        }
    }

    #[test]
    fn a_line_that_was_refused_as_too_long_gets_no_second_reply_at_the_end() {
        assert_eq!(decoded(b"0123456789abcdef", 16, 8).0, ["request longer than 8 bytes"]);
    }
}
