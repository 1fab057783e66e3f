//! Translates the server's replies to those that commands give. Values are moved, never copied.

use std::borrow::Cow;

use bytes::Bytes;

use super::prefix::Prefix;
use crate::command::table::spec::Shape;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::Lost;
use crate::store::valkey::wire::substitute;

/// The reply to `operation`, with clients' names of keys.
pub(crate) fn of(prefix: &Prefix, operation: &Operation, reply: Reply, max_reply: usize) -> Reply {
    match operation.spec().shape {
        Shape::Step => step(prefix, reply),
        Shape::Plain => plain(reply, max_reply),
    }
}

/// The reply to one step of SCAN.
fn step(prefix: &Prefix, reply: Reply) -> Reply {
    let parts = match reply {
        Reply::Array(parts) => parts,
        other => return plain(other, usize::MAX),
    };
    let Ok([Reply::Value(cursor), Reply::Array(stored)]) = <[Reply; 2]>::try_from(parts) else {
        return unexpected();
    };
    let keys = stored.into_iter().filter_map(|key| match key {
        Reply::Value(key) => prefix.public(&key),
        _ => None,
    });
    Reply::Array(vec![Reply::Value(cursor), Reply::List(keys.map(Some).collect())])
}

/// Translates a reply of any command. An error takes its place if it is longer than `max_reply`.
pub(crate) fn plain(reply: Reply, max_reply: usize) -> Reply {
    let reply = match reply {
        Reply::Array(items) => list(items),
        Reply::Word(word) => status(word),
        reply => reply,
    };
    if reply.data_len() > max_reply { substitute::too_long(max_reply) } else { reply }
}

/// A list of values is the usual case. Replies of scripts may contain other types.
fn list(items: Vec<Reply>) -> Reply {
    if !items.iter().all(|item| matches!(item, Reply::Value(_) | Reply::Nil)) {
        return Reply::Array(items.into_iter().map(|item| plain(item, usize::MAX)).collect());
    }
    let values = items.into_iter().map(|item| match item {
        Reply::Value(value) => Some(value),
        _ => None,
    });
    Reply::List(values.collect())
}

/// A status reply. The texts of Valkey's own commands are static.
fn status(word: String) -> Reply {
    const KNOWN: [&str; 10] = [
        "PONG",
        "string",
        "none",
        "list",
        "set",
        "zset",
        "hash",
        "stream",
        "Background saving started",
        "Background saving scheduled",
    ];
    match KNOWN.iter().find(|known| **known == word) {
        Some(known) => Reply::Status(known),
        None => Reply::Word(word),
    }
}

/// The cause, if the server replies that it does not serve yet. It did not carry out the command.
pub(crate) fn not_serving(reply: &Reply) -> Option<Cow<'static, str>> {
    match reply {
        Reply::Error(error @ ErrorReply::Coded(text)) => {
            let code = text.split(' ').next().unwrap_or_default();
            matches!(code, "LOADING" | "MASTERDOWN").then(|| error_text::of_reply(error))
        }
        _ => None,
    }
}

/// The error for an operation that was not carried out.
pub(crate) fn unavailable(cause: Cow<'static, str>) -> Reply {
    Reply::Error(ErrorReply::Unavailable(cause))
}

/// The error for a reply of an undocumented form.
pub(crate) fn unexpected() -> Reply {
    Reply::failed("unexpected reply from the store")
}

/// Why an operation that takes several commands stopped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection ended, or the server does not serve at present. Another attempt may succeed.
    Lost(Lost),
    /// The operation ends with this reply.
    Refused(Reply),
    /// The reply finds no room.
    NoRoom,
}

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Fault {
        Fault::Lost(lost)
    }
}

/// The reply, unless it is an error.
pub(crate) fn granted(reply: Reply) -> Result<Reply, Fault> {
    if let Some(cause) = not_serving(&reply) {
        return Err(Fault::Lost(Lost { cause, is_unsent: true }));
    }
    match reply {
        Reply::Error(_) => Err(Fault::Refused(reply)),
        reply => Ok(reply),
    }
}

/// The integer in a reply.
pub(crate) fn integer(reply: Reply) -> Result<i64, Fault> {
    match granted(reply)? {
        Reply::Integer(number) => Ok(number),
        _ => Err(Fault::Refused(unexpected())),
    }
}

/// The array in a reply.
pub(crate) fn array(reply: Reply) -> Result<Vec<Reply>, Fault> {
    match granted(reply)? {
        Reply::Array(items) => Ok(items),
        _ => Err(Fault::Refused(unexpected())),
    }
}

/// The key in a reply.
pub(crate) fn key(reply: Reply) -> Result<Bytes, Fault> {
    match reply {
        Reply::Value(key) => Ok(key),
        _ => Err(Fault::Refused(unexpected())),
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::protocol::resp::decode_reply;

    fn reply(line: &str) -> Reply {
        let mut buffer = BytesMut::from(format!("-{line}\r\n").as_bytes());
        plain(decode_reply(&mut buffer).expect(line).expect(line), 10)
    }

    #[test]
    fn error_texts_are_the_servers_letter_for_letter() {
        assert_eq!(reply("ERR value is  odd "), Reply::failed("value is  odd "));
        assert_eq!(reply("ERR"), Reply::failed(""));
        for line in [
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "READONLY You can't write against a read only replica.",
            "NOPERM User x has no permissions",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "EXECABORT x  y",
            "MISCONF",
        ] {
            assert_eq!(reply(line), Reply::coded(line));
        }
    }

    #[test]
    fn a_value_past_the_limit_is_refused() {
        let value = |length: usize| Reply::Value(Bytes::from(vec![0; length]));
        assert_eq!(plain(value(10), 10), value(10));
        assert_eq!(plain(value(11), 10), Reply::failed("reply longer than 10 bytes"));
    }
}
