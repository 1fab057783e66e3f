//! What travels between a protocol and a command: [`Request`] in, [`Reply`] out.
//!
//! Nothing here knows how either looks on the wire, nor what a command does.

pub(crate) mod refusal;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Arguments of a request; those of most fit without an allocation of their own. There is no room
/// for more of them since requests are moved more often than they have more.
///
/// Each is a slice of the buffer it was read into, wherever that was possible.
pub type Args = SmallVec<[Bytes; 2]>;

/// A command word; one as long as commands have fits without an allocation.
pub type Name = SmallVec<[u8; 16]>;

/// One request as a protocol decoded it: any bytes, nothing checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The command word in the letters the peer wrote.
    pub name: Name,
    /// What followed it.
    pub args: Args,
}

/// What a connection speaks. Part of the format of [`crate::handover`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// One line in, one line out.
    Text,
    /// RESP, version 2.
    Resp2,
    /// RESP, version 3.
    Resp3,
}

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

/// Why a request failed. Answered to the peer; never ends the connection.
///
/// The text form is the text protocol's, without its leading `ERROR: `. RESP has the words that
/// Valkey has, where Valkey has such an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply {
    /// The request cannot be served as it stands, because of a limit or what an argument says;
    /// or the store's own plain `ERR` error, without that word.
    #[error("{0}")]
    Failed(Cow<'static, str>),
    /// An error that begins with a code other than `ERR`, code included
    /// (`WRONGTYPE Operation against ...`).
    #[error("{0}")]
    Coded(Cow<'static, str>),
    /// There is no such command.
    #[error("unknown command \"{}\"; try \"help\".", shown(&.0.name))]
    Unknown(Box<Request>),
    /// The command was called with a wrong number of arguments.
    #[error("\"{command}\" command {rule}")]
    Misuse {
        /// The command, with its subcommand after a blank.
        command: &'static str,
        /// What it takes: the end of a sentence.
        rule: &'static str,
    },
    /// The command named here is for administrators, and the caller is none.
    #[error("\"{0}\" command is for administrators.")]
    Forbidden(&'static str),
    /// The store could not be asked: nothing was done.
    #[error("store unavailable: {0}")]
    Unavailable(Cow<'static, str>),
    /// The store was asked, and its answer never came: the write named here was applied, or not.
    #[error("store connection lost; \"{0}\" may or may not have been applied.")]
    OutcomeUnknown(&'static str),
}

/// How much of an unknown name is repeated, in bytes.
const NAME_SHOWN: usize = 64;

/// Bytes that are no text are shown as such, and none can end the line.
fn shown(name: &[u8]) -> impl std::fmt::Display + '_ {
    name.get(..NAME_SHOWN).unwrap_or(name).escape_ascii()
}
