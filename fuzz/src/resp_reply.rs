//! Replies in RESP, as the client reads them.

use bytes::{Bytes, BytesMut};
use kvsock::message::{Protocol, Reply};
use kvsock::protocol::resp::{Encoder, Malformed, ReplyDecoder};

use super::pieces;

pub fn check(input: &[u8]) {
    let [step, bytes @ ..] = input else { return };
    let whole = receive(bytes, bytes.len());
    assert!(whole.len() <= bytes.len(), "more replies than bytes");
    assert_same(&receive(bytes, usize::from(*step)), &whole);
    for reply in whole.into_iter().flatten() {
        pieces::check_reply(&reply);
        assert_same(&again(Protocol::Resp3, &reply), &[Ok(in_third(reply.clone()))]);
        assert_same(&again(Protocol::Resp2, &reply), &[Ok(in_second(reply))]);
    }
}

/// What a client reads of a reply that was read before.
fn again(protocol: Protocol, reply: &Reply) -> Vec<Result<Reply, Malformed>> {
    let mut frame = Vec::new();
    Encoder::new(protocol).encode(reply, &mut frame);
    receive(&frame, frame.len())
}

/// Compares what was read by its looks: what is no number is not equal to itself.
#[track_caller]
fn assert_same(one: &[Result<Reply, Malformed>], other: &[Result<Reply, Malformed>]) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

/// All replies, up to one that is none.
fn receive(bytes: &[u8], step: usize) -> Vec<Result<Reply, Malformed>> {
    let (mut decoder, mut buffer) = (ReplyDecoder::default(), BytesMut::new());
    let mut found = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(reply)) => found.push(Ok(reply)),
                Ok(None) => break,
                Err(malformed) => {
                    found.push(Err(malformed));
                    return found;
                }
            }
        }
    }
    found
}

/// What version 3 says of a reply: one kind of nil.
fn in_third(reply: Reply) -> Reply {
    match reply {
        Reply::NilList => Reply::Nil,
        Reply::Array(items) => Reply::Array(items.into_iter().map(in_third).collect()),
        Reply::Set(items) => Reply::Set(items.into_iter().map(in_third).collect()),
        Reply::Map(pairs) => {
            Reply::Map(pairs.into_iter().map(|(k, v)| (in_third(k), in_third(v))).collect())
        }
        other => other,
    }
}

/// What version 2 says of a reply: fewer kinds.
fn in_second(reply: Reply) -> Reply {
    match reply {
        Reply::Double(number) => {
            let mut line = Vec::new();
            Encoder::new(Protocol::Resp3).encode(&Reply::Double(number), &mut line);
            let text = line[1..].strip_suffix(b"\r\n").expect("a line");
            let read: f64 = String::from_utf8_lossy(text).parse().expect("a number");
            assert!(read.to_bits() == number.to_bits() || read.is_nan() && number.is_nan());
            Reply::Value(Bytes::copy_from_slice(text))
        }
        Reply::Boolean(truth) => Reply::Integer(truth.into()),
        Reply::Text(text) => Reply::Value(text.into()),
        Reply::Array(items) | Reply::Set(items) => {
            Reply::Array(items.into_iter().map(in_second).collect())
        }
        Reply::Map(pairs) => {
            let items = pairs.into_iter().flat_map(|(name, value)| [name, value]);
            Reply::Array(items.map(in_second).collect())
        }
        other => other,
    }
}
