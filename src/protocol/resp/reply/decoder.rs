//! The decoding of replies, for the `kvsock` command and for the daemon as its store's client.

use bytes::{Buf, Bytes, BytesMut};

use super::scan::{Malformed, Part, Scan};
use super::skip::Skip;
use crate::message::Reply;

/// The reply to most writes.
const OK: &[u8] = b"+OK\r\n";

/// Decodes replies from a growing buffer. No byte is examined twice.
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    scan: Scan,
    /// The present reply, if it is to be skipped.
    skip: Option<Skip>,
}

/// The item at the front of the buffer.
#[derive(Debug, PartialEq)]
pub enum Taken {
    /// A complete reply.
    Reply(Reply),
    /// A push: a message that the server sends unasked between two replies.
    Push(Vec<Reply>),
    /// The end of a reply that [`ReplyDecoder::skip`] was called for.
    Skipped,
}

impl ReplyDecoder {
    /// A decoder for a client that has asked the server for pushes.
    pub fn taking_pushes() -> ReplyDecoder {
        ReplyDecoder { scan: Scan::taking_pushes(), skip: None }
    }

    /// Takes the next reply from the front of `buffer`; `None` if it is incomplete. Until it is
    /// complete, `buffer` stays as it is, unless the reply is skipped. Attributes are malformed; so
    /// are pushes, except with [`ReplyDecoder::taking_pushes`].
    pub fn take(&mut self, buffer: &mut BytesMut) -> Result<Option<Taken>, Malformed> {
        if let Some(skip) = &mut self.skip {
            let is_over = skip.read(buffer)?;
            if is_over {
                self.skip = None;
            }
            return Ok(is_over.then_some(Taken::Skipped));
        }
        if self.scan.is_at_start() && buffer.starts_with(OK) {
            buffer.advance(OK.len());
            return Ok(Some(Taken::Reply(Reply::OK)));
        }
        if !self.scan.go_on(buffer)? {
            return Ok(None);
        }
        let (mut parts, end) = self.scan.renew();
        if let [Part::Whole(_)] = parts.as_slice()
            && let Some(Part::Whole(reply)) = parts.pop()
        {
            // The reply does not refer to the buffer, so that the buffer need not be split.
            buffer.advance(end);
            return Ok(Some(Taken::Reply(reply)));
        }
        let mut bytes = buffer.split_to(end).freeze();
        if let [Part::Value(range)] = parts.as_slice() {
            // The most frequent form: the reference to the buffer moves into the reply.
            bytes.truncate(range.end);
            bytes.advance(range.start);
            return Ok(Some(Taken::Reply(Reply::Value(bytes))));
        }
        let push = match parts.first() {
            Some(Part::Push(count)) => Some(*count),
            _ => None,
        };
        let mut parts = parts.into_iter();
        Ok(Some(match push {
            Some(count) => {
                parts.next();
                Taken::Push((0..count).map(|_| build(&mut parts, &bytes)).collect())
            }
            None => Taken::Reply(build(&mut parts, &bytes)),
        }))
    }

    /// Like [`ReplyDecoder::take`], without skips and pushes.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
        loop {
            match self.take(buffer)? {
                Some(Taken::Reply(reply)) => return Ok(Some(reply)),
                Some(Taken::Skipped | Taken::Push(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Whether part of a reply has arrived that is certainly no push.
    pub fn is_within_reply(&self) -> bool {
        self.scan.is_within_reply()
    }

    /// The least memory that the incomplete reply will take, in bytes.
    pub fn announced(&self) -> usize {
        self.scan.bytes()
    }

    /// The position in the buffer at which the incomplete value ends, with its line end; 0 if there
    /// is none.
    pub fn value_end(&self) -> usize {
        self.scan.value_end()
    }

    /// The least bytes of values and texts that the incomplete reply will have.
    pub fn announced_data(&self) -> usize {
        self.scan.data()
    }

    /// Whether the rest of a reply is being skipped.
    pub fn is_skipping(&self) -> bool {
        self.skip.is_some()
    }

    /// Skips the rest of the incomplete reply, in bounded memory.
    pub fn skip(&mut self) {
        let next = self.scan.another();
        let scan = std::mem::replace(&mut self.scan, next);
        self.skip.get_or_insert_with(|| Skip::of(scan));
    }
}

/// Takes one reply from the front of `buffer`, see [`ReplyDecoder`]. For callers that know, or
/// expect, that it is complete.
pub fn decode_reply(buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    ReplyDecoder::default().decode(buffer)
}

/// Builds a reply from the next parts.
fn build(parts: &mut impl Iterator<Item = Part>, bytes: &Bytes) -> Reply {
    match parts.next().expect("a whole reply has all its parts") {
        Part::Whole(reply) => reply,
        Part::Value(range) => Reply::Value(bytes.slice(range)),
        Part::Text(range) => Reply::Text(String::from_utf8_lossy(&bytes[range]).into_owned()),
        Part::Array(count) | Part::Push(count) => {
            Reply::Array((0..count).map(|_| build(parts, bytes)).collect())
        }
        Part::Set(count) => Reply::Set((0..count).map(|_| build(parts, bytes)).collect()),
        Part::Map(count) => {
            Reply::Map((0..count).map(|_| (build(parts, bytes), build(parts, bytes))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::message::Protocol;
    use crate::protocol::resp::Encoder;

    /// All replies of `input` when it arrives in pieces of `step` bytes, and the rest of it.
    fn decoded(input: &[u8], step: usize) -> (Vec<Result<Reply, Malformed>>, usize) {
        let (mut decoder, mut buffer) = (ReplyDecoder::default(), BytesMut::new());
        let mut found = Vec::new();
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(Some(reply)) => found.push(Ok(reply)),
                    Ok(None) => break,
                    Err(malformed) => {
                        found.push(Err(malformed));
                        return (found, 0);
                    }
                }
            }
        }
        (found, buffer.len())
    }

    fn value(text: &'static str) -> Reply {
        Reply::value(text)
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        for (input, expected) in [
            ("+OK\r\n", Reply::OK),
            ("+PONG\r\n", Reply::Word("PONG".to_owned())),
            ("-ERR a b\r\n", Reply::failed("a b")),
            ("-WRONGTYPE x\r\n", Reply::coded("WRONGTYPE x")),
            (":-12\r\n", Reply::Integer(-12)),
            (",1.5e+300\r\n", Reply::Double(1.5e300)),
            (",-inf\r\n", Reply::Double(f64::NEG_INFINITY)),
            ("(-123456789012345678901\r\n", value("-123456789012345678901")),
            ("#t\r\n", Reply::Boolean(true)),
            ("#f\r\n", Reply::Boolean(false)),
            ("$-1\r\n", Reply::Nil),
            ("_\r\n", Reply::Nil),
            ("*-1\r\n", Reply::NilList),
            ("$0\r\n\r\n", value("")),
            ("$4\r\na\r\nb\r\n", value("a\r\nb")),
            ("=8\r\ntxt:a\r\nb\r\n", Reply::Text("a\r\nb".to_owned())),
            ("=4\r\nmkd:\r\n", Reply::Text(String::new())),
            ("*0\r\n", Reply::Array(vec![])),
            ("~1\r\n:1\r\n", Reply::Set(vec![Reply::Integer(1)])),
            ("%0\r\n", Reply::Map(vec![])),
            (
                "*3\r\n*1\r\n$1\r\na\r\n%1\r\n+k\r\n*0\r\n$-1\r\n",
                Reply::Array(vec![
                    Reply::Array(vec![value("a")]),
                    Reply::Map(vec![(Reply::Word("k".to_owned()), Reply::Array(vec![]))]),
                    Reply::Nil,
                ]),
            ),
        ] {
            for step in 1..=input.len() {
                let expected = vec![Ok(expected.clone())];
                assert_eq!(decoded(input.as_bytes(), step), (expected, 0), "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_said_to_be_none() {
        let deep = "*1\r\n".repeat(129);
        for (input, expected) in [
            (">1\r\n+a\r\n", Malformed::Kind(b'>')),
            ("|1\r\n", Malformed::Kind(b'|')),
            ("OK\n", Malformed::Kind(b'O')),
            ("+a\n", Malformed::End(b'+')),
            ("+a\rb\r\n", Malformed::End(b'+')),
            ("$1\n", Malformed::End(b'$')),
            ("$1\r\nabc", Malformed::End(b'$')),
            ("$-2\r\n", Malformed::Number(b'$')),
            ("=-1\r\n", Malformed::Number(b'=')),
            ("=3\r\ntxt\r\n", Malformed::Number(b'=')),
            ("=5\r\nabcde\r\n", Malformed::Number(b'=')),
            ("%-1\r\n", Malformed::Number(b'%')),
            ("*a\r\n", Malformed::Number(b'*')),
            (":+1\r\n", Malformed::Number(b':')),
            ("(-\r\n", Malformed::Number(b'(')),
            ("#x\r\n", Malformed::Number(b'#')),
            ("_x\r\n", Malformed::Number(b'_')),
            (deep.as_str(), Malformed::Depth),
        ] {
            for step in 1..=input.len() {
                let expected = vec![Err(expected)];
                assert_eq!(decoded(input.as_bytes(), step), (expected, 0), "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn pushes_come_between_replies_to_who_takes_them() {
        let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
        let input = format!("{push}*1\r\n$3\r\nabc\r\n{push}>0\r\n+OK\r\n{push}");
        let said = || Taken::Push(vec![value("invalidate"), Reply::Array(vec![value("k")])]);
        for step in 1..=input.len() {
            let (mut decoder, mut buffer) = (ReplyDecoder::taking_pushes(), BytesMut::new());
            let mut found = Vec::new();
            for piece in input.as_bytes().chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(taken) = decoder.take(&mut buffer).expect("well formed") {
                    found.push(taken);
                }
            }
            let first = Taken::Reply(Reply::Array(vec![value("abc")]));
            let second = Taken::Reply(Reply::OK);
            let expected = [said(), first, said(), Taken::Push(vec![]), second, said()];
            assert_eq!(found, expected, "by {step}");
        }
        let mut nested = BytesMut::from(&b"*1\r\n>1\r\n+a\r\n"[..]);
        let malformed = ReplyDecoder::taking_pushes().take(&mut nested);
        assert_eq!(malformed, Err(Malformed::Kind(b'>')));
        let mut endless = BytesMut::from(&b">-1\r\n"[..]);
        let malformed = ReplyDecoder::taking_pushes().take(&mut endless);
        assert_eq!(malformed, Err(Malformed::Number(b'>')));
    }

    #[test]
    fn a_reply_is_known_from_its_first_line_and_a_push_is_none() {
        for (begun, expected) in [
            ("", false),
            ("$10", false),
            (">2\r\n$3\r\n", false),
            ("$10\r\n", true),
            ("*2\r\n", true),
        ] {
            let (mut decoder, mut buffer) = (ReplyDecoder::taking_pushes(), BytesMut::from(begun));
            assert_eq!(decoder.take(&mut buffer), Ok(None));
            assert_eq!(decoder.is_within_reply(), expected, "{begun:?}");
        }
    }

    #[test]
    fn half_a_reply_stays_in_the_buffer() {
        let whole = b"*2\r\n$3\r\nabc\r\n:1\r\n";
        for length in 0..whole.len() {
            let mut buffer = BytesMut::from(&whole[..length]);
            assert_eq!(decode_reply(&mut buffer), Ok(None));
            assert_eq!(buffer, whole[..length]);
        }
        let mut buffer = BytesMut::from(&b"+OK\r\n+OK\r\n"[..]);
        assert_eq!(decode_reply(&mut buffer), Ok(Some(Reply::OK)));
        assert_eq!(buffer, &b"+OK\r\n"[..]);
    }

    #[test]
    fn a_reply_that_is_skipped_leaves_nothing_and_the_next_is_read() {
        let long =
            format!("*3\r\n$5\r\nfirst\r\n*2\r\n$300\r\n{}\r\n:7\r\n$-1\r\n", "x".repeat(300));
        let input = format!("{long}+OK\r\n");
        for step in 1..=input.len() {
            for from in [1, 4, 10, 30, 200] {
                let (mut decoder, mut buffer) = (ReplyDecoder::default(), BytesMut::new());
                let (mut found, mut has_skipped) = (Vec::new(), false);
                for piece in input.as_bytes().chunks(step) {
                    buffer.extend_from_slice(piece);
                    while let Some(taken) = decoder.take(&mut buffer).expect("well formed") {
                        found.push(taken);
                    }
                    if found.is_empty() && !has_skipped && buffer.len() >= from {
                        decoder.skip();
                        has_skipped = true;
                        assert!(decoder.is_skipping());
                    }
                    if has_skipped && found.is_empty() {
                        assert!(decoder.take(&mut buffer).expect("well formed").is_none());
                        assert!(buffer.len() < 10, "{buffer:?}");
                    }
                }
                let first = found.remove(0);
                assert_eq!(first == Taken::Skipped, has_skipped);
                assert_eq!(found, [Taken::Reply(Reply::OK)], "by {step} from {from}");
            }
        }
    }

    #[test]
    fn what_a_reply_announces_is_known_before_it_is_there() {
        let mut decoder = ReplyDecoder::default();
        let mut buffer = BytesMut::from(&b"$1000000\r\nabc"[..]);
        assert_eq!(decoder.take(&mut buffer), Ok(None));
        let announced = decoder.announced();
        assert!((1_000_000..1_000_100).contains(&announced), "{announced}");
        assert_eq!(decoder.announced_data(), 1_000_000);
        buffer = BytesMut::from(&b"*2\r\n$1\r\na\r\n$99999999999\r\n"[..]);
        decoder = ReplyDecoder::default();
        assert_eq!(decoder.take(&mut buffer), Ok(None));
        assert!(decoder.announced() > 99_999_999_999);
    }

    #[test]
    fn a_long_reply_in_small_pieces_takes_no_longer_than_its_length() {
        let mut input = b"*300000\r\n".to_vec();
        for _ in 0..300_000 {
            input.extend_from_slice(b"$1\r\na\r\n");
        }
        // A decoder that started anew with each piece would take hours.
        let (found, left) = decoded(&input, 3);
        assert_eq!(left, 0);
        assert!(matches!(&found[..], [Ok(Reply::Array(items))] if items.len() == 300_000));
    }

    /// Replies with a form of their own in RESP3.
    fn any_reply() -> impl Strategy<Value = Reply> {
        let word = "[ -~]{0,12}";
        let leaf = prop_oneof![
            Just(Reply::OK),
            Just(Reply::Nil),
            word.prop_filter("a Status", |word| word != "OK").prop_map(Reply::Word),
            ".{0,20}".prop_map(Reply::Text),
            any::<i64>().prop_map(Reply::Integer),
            any::<f64>().prop_map(Reply::Double),
            any::<bool>().prop_map(Reply::Boolean),
            vec(any::<u8>(), 0..20).prop_map(|value| Reply::Value(value.into())),
            word.prop_map(Reply::failed),
            "[A-Z]{4,8} [ -~]{0,9}".prop_map(Reply::coded),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(Reply::Array),
                vec(inner.clone(), 0..5).prop_map(Reply::Set),
                vec((inner.clone(), inner), 0..5).prop_map(Reply::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_reply_comes_back_equal(reply in any_reply(), step in 1_usize..40) {
            let mut input = Vec::new();
            Encoder::new(Protocol::Resp3).encode(&reply, &mut input);
            prop_assert_eq!(decoded(&input, step), (vec![Ok(reply)], 0));
        }

        #[test]
        fn any_bytes_are_replies_or_malformed_however_they_come(
            input in prop_oneof![vec(any::<u8>(), 0..60), r"[-*$%~=+:,#_|>0-3atx\r\n]{0,60}"
                .prop_map(String::into_bytes)],
            step in 1_usize..20,
        ) {
            let whole = decoded(&input, input.len().max(1));
            prop_assert_eq!(decoded(&input, step), whole);
        }
    }
}
