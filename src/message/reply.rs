//! One reply, in the terms of the key/value model.

use std::borrow::Cow;

use bytes::Bytes;

use super::error_reply::ErrorReply;
use super::protocol::Protocol;

/// One reply, in the terms of the key/value model rather than of a protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A fixed word such as `OK` or `PONG`, never data.
    Status(&'static str),
    /// A status that is not known beforehand: one line of the store's, or of a script's.
    Word(String),
    /// The daemon's or the store's own text (help, status, information), never data.
    Text(String),
    /// A number.
    Integer(i64),
    /// A number that is not whole; of the commands only scripts give one.
    Double(f64),
    /// A truth; of the commands only scripts give one.
    Boolean(bool),
    /// A stored value or a generated key: any bytes.
    Value(Bytes),
    /// There is no such value.
    Nil,
    /// There is no such list: a transaction that did not take place.
    NilList,
    /// Keys or values, in order; `None` is an element that does not exist.
    List(Vec<Option<Bytes>>),
    /// Replies in order, of any kind.
    Array(Vec<Reply>),
    /// Replies in no order of meaning, each once.
    Set(Vec<Reply>),
    /// Names and what they stand for.
    Map(Vec<(Reply, Reply)>),
    /// Keys with their values, in order.
    Pairs(Vec<(Bytes, Bytes)>),
    /// The connection speaks this from here on, beginning with the reply within.
    Speaks(Protocol, Box<Reply>),
    /// The request failed; the connection lives.
    Error(ErrorReply),
}

impl Reply {
    /// `OK`.
    pub const OK: Reply = Reply::Status("OK");

    /// An error with a text of its own, see [`ErrorReply::Failed`].
    pub fn failed(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply::Error(ErrorReply::Failed(text.into()))
    }

    /// An error with a code, see [`ErrorReply::Coded`].
    pub fn coded(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply::Error(ErrorReply::Coded(text.into()))
    }

    /// A value that is known beforehand.
    pub fn value(text: &'static str) -> Reply {
        Reply::Value(Bytes::from_static(text.as_bytes()))
    }

    /// Bytes of the longest value that it holds.
    pub fn longest_value(&self) -> usize {
        match self {
            Reply::Value(value) => value.len(),
            Reply::List(items) => items.iter().flatten().map(Bytes::len).max().unwrap_or(0),
            Reply::Array(items) => items.iter().map(Reply::longest_value).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Bytes of data this reply holds, without its encoding: for bounds on memory.
    pub fn data_len(&self) -> usize {
        match self {
            Reply::Status(word) => word.len(),
            Reply::Word(text) | Reply::Text(text) => text.len(),
            Reply::Integer(_)
            | Reply::Double(_)
            | Reply::Boolean(_)
            | Reply::Nil
            | Reply::NilList
            | Reply::Error(_) => 8,
            Reply::Value(value) => value.len(),
            Reply::List(items) => {
                items.iter().map(|item| 8 + item.as_ref().map_or(0, Bytes::len)).sum()
            }
            Reply::Array(items) | Reply::Set(items) => {
                items.iter().map(|item| size_of::<Reply>() + item.data_len()).sum()
            }
            Reply::Map(pairs) => pairs
                .iter()
                .map(|(name, value)| 2 * size_of::<Reply>() + name.data_len() + value.data_len())
                .sum(),
            Reply::Pairs(pairs) => pairs.iter().map(|(k, v)| 16 + k.len() + v.len()).sum(),
            Reply::Speaks(_, reply) => reply.data_len(),
        }
    }
}
