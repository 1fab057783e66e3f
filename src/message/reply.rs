//! The reply to one request.

use std::borrow::Cow;

use bytes::Bytes;

use super::error_reply::ErrorReply;
use super::protocol::Protocol;

/// One reply, in the terms of the key/value model rather than of a protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A fixed word such as `OK` or `PONG`, never data.
    Status(&'static str),
    /// A status that is not known beforehand: one line of the store or of a script.
    Word(String),
    /// The daemon's or the store's own text (help, status, information), never data.
    Text(String),
    /// A number.
    Integer(i64),
    /// A floating-point number; only scripts return one.
    Double(f64),
    /// A boolean; only scripts return one.
    Boolean(bool),
    /// A stored value or a generated key: any bytes.
    Value(Bytes),
    /// No such value exists.
    Nil,
    /// No such list exists: EXEC did not execute the transaction.
    NilList,
    /// Keys or values, in order; `None` is an element that does not exist.
    List(Vec<Option<Bytes>>),
    /// Replies in order, of any kind.
    Array(Vec<Reply>),
    /// Distinct replies without an order.
    Set(Vec<Reply>),
    /// Names and their values.
    Map(Vec<(Reply, Reply)>),
    /// Keys with their values, in order.
    Pairs(Vec<(Bytes, Bytes)>),
    /// A change of protocol: the reply inside and all later ones are in this protocol.
    Speaks(Protocol, Box<Reply>),
    /// The request failed; the connection stays open.
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

    /// A value known beforehand.
    pub fn value(text: &'static str) -> Reply {
        Reply::Value(Bytes::from_static(text.as_bytes()))
    }

    /// The length of the longest value in the reply, in bytes.
    pub fn longest_value(&self) -> usize {
        match self {
            Reply::Value(value) => value.len(),
            Reply::List(items) => items.iter().flatten().map(Bytes::len).max().unwrap_or(0),
            Reply::Array(items) => items.iter().map(Reply::longest_value).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Bytes of data in the reply without its encoding, for bounds on memory.
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
