//! Replies as the client reads them.

use bytes::{Buf, Bytes, BytesMut};

use super::number::{self, Line};
use crate::message::{ErrorReply, Reply};

/// How deep lists may lie within lists.
const DEEPEST: usize = 32;

/// What came is no reply of RESP, or one of a kind that was not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply is not RESP")]
pub struct Malformed;

/// Takes one whole reply, of either version, off the front of `buffer`; `None` while it is not
/// all there. Each look begins at the front: for a long reply wait until more has come.
///
/// An error loses its leading `ERR `; a status other than `OK` is [`Reply::Word`].
pub fn decode_reply(buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    let mut cursor = Cursor { bytes: buffer, at: 0 };
    match cursor.reply(DEEPEST) {
        Ok(reply) => {
            let taken = cursor.at;
            buffer.advance(taken);
            Ok(Some(reply))
        }
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed) => Err(Malformed),
    }
}

/// Why there is no reply.
enum Stop {
    Incomplete,
    Malformed,
}

/// A place in the bytes that have come.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        let kind = *self.bytes.get(self.at).ok_or(Stop::Incomplete)?;
        self.at += 1;
        match kind {
            b'+' => Ok(status(self.text()?)),
            b'-' => Ok(error(self.text()?)),
            b':' => Ok(Reply::Integer(self.number()?)),
            b',' => self.text()?.parse().map(Reply::Double).map_err(|_| Stop::Malformed),
            b'#' => match self.text()?.as_str() {
                "t" => Ok(Reply::Boolean(true)),
                "f" => Ok(Reply::Boolean(false)),
                _ => Err(Stop::Malformed),
            },
            b'_' => {
                if self.line()?.is_empty() {
                    Ok(Reply::Nil)
                } else {
                    Err(Stop::Malformed)
                }
            }
            b'$' => Ok(self.bulk()?.map_or(Reply::Nil, Reply::Value)),
            b'=' => self.verbatim(),
            b'*' => Ok(self.many(depth, 1)?.map_or(Reply::NilList, Reply::Array)),
            b'~' => Ok(self.many(depth, 1)?.map_or(Reply::NilList, Reply::Set)),
            b'%' => self.map(depth),
            _ => Err(Stop::Malformed),
        }
    }

    /// The rest of the line, without its end.
    fn line(&mut self) -> Result<&[u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = memchr::memchr(b'\r', rest).ok_or(Stop::Incomplete)?;
        match rest.get(end + 1) {
            None => Err(Stop::Incomplete),
            Some(b'\n') => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            Some(_) => Err(Stop::Malformed),
        }
    }

    fn text(&mut self) -> Result<String, Stop> {
        self.line().map(|line| String::from_utf8_lossy(line).into_owned())
    }

    fn number(&mut self) -> Result<i64, Stop> {
        match number::line(self.bytes.get(self.at..).unwrap_or_default()) {
            Line::Incomplete => Err(Stop::Incomplete),
            Line::Bad => Err(Stop::Malformed),
            Line::Number(number, taken) => {
                self.at += taken;
                Ok(number)
            }
        }
    }

    /// A length; `None` is -1.
    fn length(&mut self) -> Result<Option<usize>, Stop> {
        match self.number()? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Stop::Malformed),
        }
    }

    fn bulk(&mut self) -> Result<Option<Bytes>, Stop> {
        let Some(length) = self.length()? else { return Ok(None) };
        let end = self.at.checked_add(length).ok_or(Stop::Malformed)?;
        match self.bytes.get(end..) {
            Some([b'\r', b'\n', ..]) => {}
            None | Some([] | [b'\r']) => return Err(Stop::Incomplete),
            Some(_) => return Err(Stop::Malformed),
        }
        let bytes = Bytes::copy_from_slice(&self.bytes[self.at..end]);
        self.at = end + 2;
        Ok(Some(bytes))
    }

    /// A text after the three letters of its kind and a colon.
    fn verbatim(&mut self) -> Result<Reply, Stop> {
        let bytes = self.bulk()?.filter(|bytes| bytes.get(3) == Some(&b':'));
        let bytes = bytes.ok_or(Stop::Malformed)?;
        Ok(Reply::Text(String::from_utf8_lossy(&bytes[4..]).into_owned()))
    }

    /// So many replies as a length says, `each` for one of it.
    fn many(&mut self, depth: usize, each: usize) -> Result<Option<Vec<Reply>>, Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Malformed)?;
        let Some(length) = self.length()? else { return Ok(None) };
        let count = length.checked_mul(each).ok_or(Stop::Malformed)?;
        let mut replies = Vec::new();
        for _ in 0..count {
            replies.push(self.reply(depth)?);
        }
        Ok(Some(replies))
    }

    fn map(&mut self, depth: usize) -> Result<Reply, Stop> {
        let mut replies = self.many(depth, 2)?.ok_or(Stop::Malformed)?.into_iter();
        let mut pairs = Vec::new();
        while let (Some(name), Some(value)) = (replies.next(), replies.next()) {
            pairs.push((name, value));
        }
        Ok(Reply::Map(pairs))
    }
}

fn status(text: String) -> Reply {
    if text == "OK" { Reply::OK } else { Reply::Word(text) }
}

fn error(text: String) -> Reply {
    Reply::Error(match text.strip_prefix("ERR ") {
        Some(text) => ErrorReply::Failed(text.to_owned().into()),
        None => ErrorReply::Coded(text.into()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Encoder;
    use super::*;
    use crate::message::Protocol;

    fn encoded(protocol: Protocol, reply: &Reply) -> Vec<u8> {
        let mut out = Vec::new();
        let reply = Reply::Speaks(protocol, Box::new(reply.clone()));
        Encoder::default().encode(&reply, &mut out);
        out
    }

    fn replies() -> impl Strategy<Value = Reply> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        let leaf = prop_oneof![
            Just(Reply::OK),
            Just(Reply::Nil),
            "[ -~]{3,9}".prop_map(Reply::Word),
            "[ -~\r\n]{0,9}".prop_map(Reply::Text),
            any::<i64>().prop_map(Reply::Integer),
            any::<bool>().prop_map(Reply::Boolean),
            (-1e9..1e9).prop_map(Reply::Double),
            bytes().prop_map(Reply::Value),
            "[a-z ]{1,9}".prop_map(Reply::failed),
            "[A-Z]{4,9} [a-z ]{1,9}".prop_map(Reply::coded),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let many = || proptest::collection::vec(inner.clone(), 0..5);
            let pairs = proptest::collection::vec((inner.clone(), inner.clone()), 0..4);
            prop_oneof![
                many().prop_map(Reply::Array),
                many().prop_map(Reply::Set),
                pairs.prop_map(Reply::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_once_it_is_all_there(reply in replies()) {
            let bytes = encoded(Protocol::Resp3, &reply);
            for end in 0..bytes.len() {
                prop_assert_eq!(decode_reply(&mut BytesMut::from(&bytes[..end])), Ok(None));
            }
            let mut buffer = BytesMut::from(&[&bytes[..], b"+next"].concat()[..]);
            prop_assert_eq!(decode_reply(&mut buffer), Ok(Some(reply)));
            prop_assert_eq!(&buffer[..], b"+next");
        }

        #[test]
        fn whatever_comes_ends(bytes in r"([*$%~=:+,#_-]([0-9]|-1|x)?|\r\n|[a-z]{1,4}){0,30}") {
            let _ = decode_reply(&mut BytesMut::from(bytes.as_bytes()));
        }
    }

    #[test]
    fn lists_that_lie_too_deep_are_refused() {
        let bytes = b"*1\r\n".repeat(10_000);
        assert_eq!(decode_reply(&mut BytesMut::from(&bytes[..])), Err(Malformed));
    }

    #[test]
    fn version_2_has_nothing_in_two_forms() {
        for (bytes, reply) in [("$-1\r\n", Reply::Nil), ("*-1\r\n", Reply::NilList)] {
            assert_eq!(decode_reply(&mut BytesMut::from(bytes)), Ok(Some(reply)));
        }
    }
}
