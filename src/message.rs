//! What travels between a protocol and a command: [`Request`] in, [`Reply`] out.
//!
//! Nothing here knows how either looks on the wire, nor what a command does.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

/// Arguments of a request; four fit without an allocation of their own.
///
/// Each is a slice of the buffer it was read into, wherever that was possible.
pub type Args = SmallVec<[Bytes; 4]>;

/// One request as a protocol decoded it: any bytes, nothing checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The command word in the letters the peer wrote.
    pub name: Bytes,
    /// What followed it.
    pub args: Args,
}

/// One reply, in the terms of the key/value model rather than of a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A fixed word such as `OK` or `PONG`, never data.
    Status(&'static str),
    /// The daemon's own text (help, status), one line, never data.
    Line(String),
    /// A number.
    Integer(i64),
    /// A stored value or a generated key: any bytes.
    Value(Bytes),
    /// There is no such value.
    Nil,
    /// Keys or values, in order; `None` is an element that does not exist.
    List(Vec<Option<Bytes>>),
    /// Keys with their values, in order.
    Pairs(Vec<(Bytes, Bytes)>),
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

    /// Bytes of data this reply holds, without its encoding: for bounds on memory.
    pub fn data_len(&self) -> usize {
        match self {
            Reply::Status(word) => word.len(),
            Reply::Line(line) => line.len(),
            Reply::Integer(_) | Reply::Nil | Reply::Error(_) => 8,
            Reply::Value(value) => value.len(),
            Reply::List(items) => {
                items.iter().map(|item| 8 + item.as_ref().map_or(0, Bytes::len)).sum()
            }
            Reply::Pairs(pairs) => pairs.iter().map(|(k, v)| 16 + k.len() + v.len()).sum(),
        }
    }
}

/// Why a request failed. Answered to the peer; never ends the connection.
///
/// The text form is the text protocol's, without its leading `ERROR: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply {
    /// The request cannot be served as it stands: unknown command, arity, limits, permission;
    /// or the store's own plain `ERR` error, without that word.
    #[error("{0}")]
    Failed(Cow<'static, str>),
    /// The store's own error that begins with a code other than `ERR`, code included
    /// (`WRONGTYPE Operation against ...`).
    #[error("{0}")]
    Coded(String),
    /// The store could not be asked: nothing was done.
    #[error("store unavailable: {0}")]
    Unavailable(Cow<'static, str>),
    /// The store was asked, and its answer never came: the write named here was applied, or not.
    #[error("store connection lost; \"{0}\" may or may not have been applied.")]
    OutcomeUnknown(&'static str),
}
