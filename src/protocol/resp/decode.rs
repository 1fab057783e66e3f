//! Requests out of a stream of bytes.

use bytes::{Buf, BytesMut};
use smallvec::SmallVec;

use super::inline;
use super::number::{Line, line};
use crate::message::{Args, Reply, Request};
use crate::protocol::Decoded;

/// The most words of a request.
const MOST_WORDS: i64 = 1024 * 1024;
/// The longest word that may be announced, in bytes.
const LONGEST_WORD: i64 = 512 * 1024 * 1024;
/// The longest inline command, in bytes.
const LONGEST_INLINE: usize = 64 * 1024;
/// The least that a word takes: `$0`, CR LF, CR LF.
const LEAST_WORD: usize = 6;

/// Takes requests out of a buffer, in bounded memory: what is announced takes none.
#[derive(Debug)]
pub struct Decoder {
    max_request: usize,
    state: State,
}

/// How far the decoder has come. Positions are counted from the front of the buffer.
#[derive(Debug)]
enum State {
    /// Between requests; up to here there is no end of an inline command.
    Idle { searched: usize },
    /// Within a frame.
    Frame(Frame),
    /// Within a frame that is too long: it is read away.
    Skipping { words: usize, bytes: usize },
    /// The peer does not speak RESP.
    Broken,
}

/// A frame of which the bytes up to `read` are understood.
#[derive(Debug, Default)]
struct Frame {
    read: usize,
    /// Words that are not understood yet.
    missing: usize,
    /// The length of the next word, if its head was read.
    length: Option<usize>,
    /// First byte and length of each word.
    words: SmallVec<[(usize, usize); 8]>,
}

/// What a state makes of the buffer.
enum Step {
    /// More bytes are wanted.
    Wait,
    /// The next look may find more.
    Again,
    Found(Decoded),
}

impl Decoder {
    /// A decoder of requests of up to `max_request` bytes as sent (0: unlimited).
    pub fn new(max_request: usize) -> Decoder {
        let max_request = if max_request == 0 { usize::MAX } else { max_request };
        Decoder { max_request, state: State::Idle { searched: 0 } }
    }

    /// Takes the next request from the front of `buffer`; `None` if there is no whole one in it.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        loop {
            let step = match self.state {
                State::Idle { searched } => match buffer.first() {
                    None => Step::Wait,
                    Some(b'*') => self.begin(buffer),
                    Some(_) => self.inline(buffer, searched),
                },
                State::Frame(_) => self.frame(buffer),
                State::Skipping { .. } => self.skip(buffer),
                State::Broken => {
                    buffer.clear();
                    Step::Wait
                }
            };
            match step {
                Step::Wait => return None,
                Step::Again => {}
                Step::Found(decoded) => return Some(decoded),
            }
        }
    }

    /// What the end of input means for what is left in `buffer`: a request that is not whole is
    /// none, and gets no reply.
    pub fn finish(&mut self, buffer: &mut BytesMut) -> Option<Decoded> {
        buffer.clear();
        self.state = State::Broken;
        None
    }

    /// The head of a frame: how many words it has.
    fn begin(&mut self, buffer: &mut BytesMut) -> Step {
        match line(&buffer[1..]) {
            Line::Incomplete => Step::Wait,
            Line::Number(words, length) if words <= MOST_WORDS => {
                // Below 1 it is no request.
                let missing = usize::try_from(words).unwrap_or(0);
                let read = 1 + length;
                if missing == 0 {
                    buffer.advance(read);
                    return Step::Again;
                }
                if read + missing * LEAST_WORD > self.max_request {
                    buffer.advance(read);
                    return self.too_long(missing, 0);
                }
                self.state = State::Frame(Frame { read, missing, ..Frame::default() });
                Step::Again
            }
            Line::Number(..) | Line::Bad => self.broken("invalid multibulk length"),
        }
    }

    /// The words of a frame.
    fn frame(&mut self, buffer: &mut BytesMut) -> Step {
        let State::Frame(frame) = &mut self.state else { return Step::Wait };
        while frame.missing > 0 {
            let length = match frame.length {
                Some(length) => length,
                None => match head(&buffer[frame.read..]) {
                    Head::Incomplete => return Step::Wait,
                    Head::Bad(why) => return self.broken(&why),
                    Head::Length(length, taken) => {
                        frame.read += taken;
                        frame.length = Some(length);
                        let others = (frame.missing - 1) * LEAST_WORD;
                        if frame.read + length + 2 + others > self.max_request {
                            let (words, read) = (frame.missing - 1, frame.read);
                            buffer.advance(read);
                            return self.too_long(words, length + 2);
                        }
                        length
                    }
                },
            };
            let end = frame.read + length;
            match buffer.get(end..) {
                Some([b'\r', b'\n', ..]) => {}
                None | Some([] | [b'\r']) => return Step::Wait,
                Some(_) => return self.broken("no CR LF after bulk data"),
            }
            frame.words.push((frame.read, length));
            frame.read = end + 2;
            frame.missing -= 1;
            frame.length = None;
        }
        let bytes = buffer.split_to(frame.read).freeze();
        let mut words = frame.words.iter().map(|(at, length)| bytes.slice(*at..*at + *length));
        let request = words.next().map(|name| Request { name, args: words.collect::<Args>() });
        self.state = State::Idle { searched: 0 };
        request.map_or(Step::Again, |request| Step::Found(Decoded::Request(request)))
    }

    /// Reads away what is left of a request that is too long.
    fn skip(&mut self, buffer: &mut BytesMut) -> Step {
        let State::Skipping { words, bytes } = &mut self.state else { return Step::Wait };
        loop {
            let there = buffer.len().min(*bytes);
            buffer.advance(there);
            *bytes -= there;
            if *bytes > 0 {
                return Step::Wait;
            }
            if *words == 0 {
                self.state = State::Idle { searched: 0 };
                return Step::Again;
            }
            match head(buffer) {
                Head::Incomplete => return Step::Wait,
                Head::Bad(why) => return self.broken(&why),
                Head::Length(length, taken) => {
                    *words -= 1;
                    *bytes = taken + length + 2;
                }
            }
        }
    }

    /// A line of words, or the end of an empty one.
    fn inline(&mut self, buffer: &mut BytesMut, searched: usize) -> Step {
        let new = &buffer[searched..];
        let end = memchr::memchr(b'\n', new);
        // Other protocols' bytes are told at once: their peers wait for an answer.
        let is_control = |byte: &u8| matches!(byte, 0..=8 | 0x0b..=0x0c | 0x0e..=0x1f | 0x7f);
        if new[..end.unwrap_or(new.len())].iter().any(is_control) {
            return self.broken("control characters in an inline request");
        }
        let Some(end) = end else {
            if buffer.len() > LONGEST_INLINE {
                return self.broken("too big inline request");
            }
            self.state = State::Idle { searched: buffer.len() };
            return Step::Wait;
        };
        let mut line = buffer.split_to(searched + end + 1).freeze();
        self.state = State::Idle { searched: 0 };
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > LONGEST_INLINE {
            return self.broken("too big inline request");
        }
        let Ok(mut words) = inline::split(&line) else {
            return self.broken("unbalanced quotes in request");
        };
        if words.is_empty() {
            return Step::Again;
        }
        let name = words.remove(0);
        if is_http(&name, &line) {
            return self.broken("this is HTTP");
        }
        if line.len() > self.max_request {
            return Step::Found(self.refusal());
        }
        Step::Found(Decoded::Request(Request { name, args: words }))
    }

    fn too_long(&mut self, words: usize, bytes: usize) -> Step {
        self.state = State::Skipping { words, bytes };
        Step::Found(self.refusal())
    }

    fn refusal(&self) -> Decoded {
        Decoded::Refused(Reply::failed(format!("request longer than {} bytes", self.max_request)))
    }

    fn broken(&mut self, why: &str) -> Step {
        self.state = State::Broken;
        Step::Found(Decoded::Broken(Reply::failed(format!("Protocol error: {why}"))))
    }
}

/// The head of a word.
enum Head {
    Incomplete,
    /// The word's length, and the bytes that the head took.
    Length(usize, usize),
    Bad(String),
}

fn head(bytes: &[u8]) -> Head {
    let (first, rest) = match bytes {
        [] => return Head::Incomplete,
        [first, rest @ ..] => (*first, rest),
    };
    if first != b'$' {
        return Head::Bad(format!("expected '$', got '{}'", first.escape_ascii()));
    }
    match line(rest) {
        Line::Incomplete => Head::Incomplete,
        Line::Number(length @ 0..=LONGEST_WORD, taken) => {
            Head::Length(usize::try_from(length).unwrap_or(usize::MAX), 1 + taken)
        }
        Line::Number(..) | Line::Bad => Head::Bad("invalid bulk length".to_owned()),
    }
}

/// Whether a line is one of HTTP's: its request line or, as Valkey guards against requests that
/// a browser was made to send, a method or a header that no command has for a name.
fn is_http(name: &[u8], line: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post")
        || name.eq_ignore_ascii_case(b"host:")
        || line.ends_with(b" HTTP/1.1")
        || line.ends_with(b" HTTP/1.0")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::resp::encode_request;

    /// All that `input` decodes to when it arrives in pieces of `step` bytes, and the most bytes
    /// that were held meanwhile.
    fn decoded(input: &[u8], step: usize, max_request: usize) -> (Vec<String>, usize) {
        let (mut decoder, mut buffer) = (Decoder::new(max_request), BytesMut::new());
        let (mut found, mut held) = (Vec::new(), 0);
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(decoded) = decoder.decode(&mut buffer) {
                found.push(show(&decoded));
            }
            held = held.max(buffer.len());
        }
        assert_eq!(decoder.finish(&mut buffer), None);
        (found, held)
    }

    fn show(decoded: &Decoded) -> String {
        match decoded {
            Decoded::Request(request) => std::iter::once(&request.name)
                .chain(&request.args)
                .map(|word| word.escape_ascii().to_string())
                .collect::<Vec<_>>()
                .join("|"),
            Decoded::Refused(Reply::Error(error)) => format!("refused: {error}"),
            Decoded::Broken(Reply::Error(error)) => format!("broken: {error}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_arrive() {
        let input =
            b"*1\r\n$4\r\nPING\r\n\r\n*0\r\n*-1\r\n*3\r\n$3\r\nset\r\n$0\r\n\r\n$3\r\n\r\n\0\r\n\
                      ping x\r\nget 'a b'\n*2\r\n$3\r\nget";
        for step in 1..=input.len() {
            let (found, _) = decoded(input, step, 0);
            assert_eq!(found, ["PING", "set||\\r\\n\\x00", "ping|x", "get|a b"], "{step}");
        }
    }

    #[test]
    fn what_is_no_frame_breaks_the_connection_at_once() {
        for (input, why) in [
            (&b"*x"[..], "invalid multibulk length"),
            (b"*1\n", "invalid multibulk length"),
            (b"*1048577\r\n", "invalid multibulk length"),
            (b"*01\r\n", "invalid multibulk length"),
            (b"*12345678901234567890123", "invalid multibulk length"),
            (b"*1\r\nP", "expected '$', got 'P'"),
            (b"*1\r\n\n", "expected '$', got '\\n'"),
            (b"*1\r\n$x", "invalid bulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"*1\r\n$4\r\nPINGx", "no CR LF after bulk data"),
            (b"*1\r\n$4\r\nPING\rx", "no CR LF after bulk data"),
            (b"\x16\x03\x01", "control characters in an inline request"),
            (b"ping\0", "control characters in an inline request"),
            (b"GET / HTTP/1.1\r\n", "this is HTTP"),
            (b"post\r\n", "this is HTTP"),
            (b"Host: x\r\n", "this is HTTP"),
            (b"get \"a\r\n", "unbalanced quotes in request"),
        ] {
            for step in [1, 2, 100] {
                let input = [input, b"\r\n*1\r\n$4\r\nPING\r\n"].concat();
                let (found, _) = decoded(&input, step, 0);
                assert_eq!(found, [format!("broken: Protocol error: {why}")]);
            }
        }
        let (found, held) = decoded(&vec![b'x'; 200_000], 1000, 0);
        assert_eq!(found, ["broken: Protocol error: too big inline request"]);
        assert!(held <= LONGEST_INLINE + 1000);
    }

    #[test]
    fn a_request_over_the_limit_is_read_away_in_bounded_memory() {
        let mut input = Vec::new();
        encode_request(b"set", &[b"k".to_vec(), vec![b'x'; 100_000]], &mut input);
        encode_request(b"ping", &[] as &[&[u8]], &mut input);
        encode_request(b"del", &vec![b"k"; 1000], &mut input);
        encode_request(b"ping", &[] as &[&[u8]], &mut input);
        for step in [1, 7, 64, 1000] {
            let (found, held) = decoded(&input, step, 100);
            let long = "refused: request longer than 100 bytes";
            assert_eq!(found, [long, "ping", long, "ping"], "in pieces of {step}");
            assert!(held <= 100 + step, "held {held}");
        }
    }

    #[test]
    fn a_request_of_just_the_limit_is_served() {
        let mut input = Vec::new();
        encode_request(b"set", &[b"key", b"val"], &mut input);
        for step in [1, 5, 100] {
            assert_eq!(decoded(&input, step, input.len()).0, ["set|key|val"]);
            let refused = format!("refused: request longer than {} bytes", input.len() - 1);
            assert_eq!(decoded(&input, step, input.len() - 1).0, [refused]);
        }
    }

    fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_in_whatever_pieces(
            requests in proptest::collection::vec(words(), 0..6),
            step in 1_usize..60,
        ) {
            let mut input = Vec::new();
            for words in &requests {
                encode_request(&words[0], &words[1..], &mut input);
            }
            let shown = |words: &Vec<Vec<u8>>| {
                let words = words.iter().map(|word| word.escape_ascii().to_string());
                words.collect::<Vec<_>>().join("|")
            };
            let expected: Vec<String> = requests.iter().map(shown).collect();
            prop_assert_eq!(decoded(&input, step, 0).0, expected);
        }

        #[test]
        fn whatever_comes_is_decoded_alike_in_whatever_pieces(
            input in r"([*$]([0-9]|-1|x)?|\r\n|[a-z]{1,4}|[\x00-\xff]){0,30}",
            step in 1_usize..9,
        ) {
            let input = input.into_bytes();
            prop_assert_eq!(decoded(&input, step, 40).0, decoded(&input, input.len().max(1), 40).0);
        }
    }
}
