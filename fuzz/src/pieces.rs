//! Requests out of bytes that arrive in pieces, at one decoder or at several that take over from
//! each other.

use bytes::{Bytes, BytesMut};
use kvsock::command::value_at;
use kvsock::message::{Protocol, Reply, Request};
use kvsock::protocol::{Decoded, Progress, resp, text};

/// Stands for a long run of the byte after it, so that a short input can pass every limit.
const RUN: u8 = 0xfe;
/// How long such a run is.
const RUN_LENGTH: usize = 10_000;
/// The longest input with its runs.
const LONGEST: usize = 100_000;

/// One of the two decoders of requests.
pub(super) trait Decoder {
    fn resume(max_request: usize, progress: Progress) -> Self;
    fn progress(&self) -> Progress;
    fn decode(&mut self, buffer: &mut BytesMut) -> Option<Decoded>;
    fn finish(&mut self, buffer: &mut BytesMut) -> Option<Decoded>;
}

impl Decoder for text::Decoder {
    fn resume(max_request: usize, progress: Progress) -> text::Decoder {
        text::Decoder::resume(max_request, value_at, progress)
    }
    fn progress(&self) -> Progress {
        self.progress()
    }
    fn decode(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        self.decode(buffer)
    }
    fn finish(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        self.finish(buffer)
    }
}

impl Decoder for resp::Decoder {
    fn resume(max_request: usize, progress: Progress) -> resp::Decoder {
        resp::Decoder::resume(max_request, progress)
    }
    fn progress(&self) -> Progress {
        self.progress()
    }
    fn decode(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        self.decode(buffer)
    }
    fn finish(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        self.finish(buffer)
    }
}

/// How an input arrives: its first two bytes say so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// Bytes that a request may have; 0 is unlimited.
    pub(super) max_request: usize,
    /// Bytes in a piece.
    step: usize,
}

/// Takes an input apart: how it arrives, and its bytes with their runs written out.
pub(super) fn split(input: &[u8]) -> Option<(Arrival, Vec<u8>)> {
    let [limit, step, rest @ ..] = input else { return None };
    // Up to 64 every limit, then some up to past the longest line of RESP.
    let limit = usize::from(*limit);
    let max_request = if limit <= 64 { limit } else { (limit - 64) * 1000 };
    let mut bytes = Vec::with_capacity(rest.len());
    let mut rest = rest.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == RUN && bytes.len() < LONGEST {
            let repeated = rest.next().unwrap_or(RUN);
            bytes.extend(std::iter::repeat_n(repeated, RUN_LENGTH));
        } else {
            bytes.push(byte);
        }
    }
    // No more pieces than a fuzzer has the time for.
    let step = usize::from(*step).max(1).max(bytes.len() / 500);
    Some((Arrival { max_request, step }, bytes))
}

/// What came of an input.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Requests and refusals in order.
    pub(super) decoded: Vec<Decoded>,
    /// The most bytes that waited for more.
    held: usize,
}

impl Found {
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.decoded.last(), Some(Decoded::Broken(_)))
    }
}

/// What must hold of either decoder: the same comes of an input however it is cut, also where
/// another decoder goes on in between; what waits is bounded by the limit on requests and `more`;
/// and nothing comes of nothing. Gives what came.
pub(super) fn check<D: Decoder>(arrival: Arrival, bytes: &[u8], more: usize) -> Found {
    let whole = receive::<D>(arrival.max_request, bytes, bytes.len(), false);
    assert!(whole.decoded.len() <= bytes.len(), "more requests than bytes");
    let step = arrival.step;
    // A decoder that takes over looks at a line from its beginning.
    let long_step = step.max(bytes.len() / 20);
    for (step, takes_over) in [(step, false), (long_step, true)] {
        let found = receive::<D>(arrival.max_request, bytes, step, takes_over);
        assert_eq!(found.decoded, whole.decoded, "by {step}, taken over: {takes_over}");
        if arrival.max_request > 0 {
            let bound = arrival.max_request + more + step;
            assert!(found.held <= bound, "{} bytes waited, and not {bound} at most", found.held);
        }
    }
    whole.decoded.iter().for_each(check_decoded);
    whole
}

fn receive<D: Decoder>(max_request: usize, bytes: &[u8], step: usize, takes_over: bool) -> Found {
    let mut decoder = D::resume(max_request, Progress::Request);
    let (mut buffer, mut found) = (BytesMut::new(), Found::default());
    for piece in bytes.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        while let Some(decoded) = decoder.decode(&mut buffer) {
            found.decoded.push(decoded);
            if found.is_broken() {
                // The connection ends with this.
                return found;
            }
        }
        found.held = found.held.max(buffer.len());
        if takes_over {
            decoder = D::resume(max_request, decoder.progress());
        }
    }
    found.decoded.extend(decoder.finish(&mut buffer));
    assert!(buffer.is_empty(), "nothing waits after the end");
    found
}

fn check_decoded(decoded: &Decoded) {
    match decoded {
        Decoded::Request(request) => {
            let mut line = Vec::new();
            text::encode_request(&request.name, &request.args, &mut line);
            assert_eq!(read_back::<text::Decoder>(&line), *request);
            let mut frame = Vec::new();
            resp::encode_request(&request.name, &request.args, &mut frame);
            assert_eq!(read_back::<resp::Decoder>(&frame), *request);
        }
        Decoded::Refused(reply) | Decoded::Broken(reply) => {
            assert!(matches!(reply, Reply::Error(_)), "{reply:?} refuses nothing");
            check_reply(reply);
        }
    }
}

/// The one request that these bytes are.
fn read_back<D: Decoder>(bytes: &[u8]) -> Request {
    let found = receive::<D>(0, bytes, bytes.len(), false);
    match <[Decoded; 1]>::try_from(found.decoded) {
        Ok([Decoded::Request(request)]) => request,
        other => panic!("{other:?} in {:?}", bytes.escape_ascii().to_string()),
    }
}

/// What must hold of every reply: it is one line of text without control characters, and one frame
/// of RESP in both versions.
pub(super) fn check_reply(reply: &Reply) {
    let mut line = Vec::new();
    text::encode_reply(reply, &mut line);
    assert_eq!(line.pop(), Some(b'\n'), "a line ends");
    let control = line.iter().find(|byte| byte.is_ascii_control());
    assert_eq!(control, None, "in the line of {reply:?}");
    let line = Bytes::from(line);
    match reply {
        // The daemon's own texts are for people.
        Reply::Text(_) => {}
        Reply::List(_) | Reply::Array(_) | Reply::Set(_) | Reply::Map(_) | Reply::Pairs(_) => {
            text::parse_list(&line).expect("a line of words");
        }
        _ => {
            text::parse_reply(&line, false).expect("a line that can be read");
        }
    }
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut frame = Vec::new();
        resp::Encoder::new(protocol).encode(reply, &mut frame);
        let mut frame = BytesMut::from(&frame[..]);
        let read = resp::decode_reply(&mut frame).expect("a frame that can be read");
        assert!(read.is_some() && frame.is_empty(), "{reply:?} is one frame in {protocol:?}");
    }
}
