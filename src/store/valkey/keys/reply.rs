//! The server's replies in the terms of the key/value model. Values are moved, never copied.

use std::borrow::Cow;

use bytes::Bytes;

use super::prefix::Prefix;
use crate::message::{ErrorReply, Reply, refusal};
use crate::store::operation::{Operation, Verb};
use crate::store::valkey::single::scan;
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::Lost;

/// The reply to `operation`, whose keys become the client's again.
pub(crate) fn of(prefix: &Prefix, operation: &Operation, reply: Reply, max_reply: usize) -> Reply {
    match operation.verb {
        Verb::Scan => step(prefix, reply),
        _ => plain(reply, max_reply),
    }
}

/// One step of a SCAN.
fn step(prefix: &Prefix, reply: Reply) -> Reply {
    let parts = match reply {
        Reply::Array(parts) => parts,
        other => return plain(other, usize::MAX),
    };
    let Ok([Reply::Value(cursor), Reply::Array(stored)]) = <[Reply; 2]>::try_from(parts) else {
        return unexpected();
    };
    let keys = stored.into_iter().filter_map(|key| match key {
        Reply::Value(key) => scan::own(prefix, &key),
        _ => None,
    });
    Reply::Array(vec![Reply::Value(cursor), Reply::List(keys.map(Some).collect())])
}

/// The reply in the terms that commands have, unless it is longer than a reply may be.
pub(crate) fn plain(reply: Reply, max_reply: usize) -> Reply {
    let reply = match reply {
        Reply::Array(items) => list(items),
        Reply::Word(word) => status(word),
        reply => reply,
    };
    if reply.data_len() > max_reply { too_long(max_reply) } else { reply }
}

/// Values, most often; anything else in scripts' replies.
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

/// A status: those of Valkey's own commands are known.
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

/// The reply to an operation that names the index of `last`.
pub(crate) fn reserved() -> Reply {
    Reply::failed("key is reserved for kvsock")
}

/// Whether the server says that it does not serve yet, and so did nothing.
pub(crate) fn not_serving(reply: &Reply) -> Option<Cow<'static, str>> {
    match reply {
        Reply::Error(error @ ErrorReply::Coded(text)) => {
            let code = text.split(' ').next().unwrap_or_default();
            matches!(code, "LOADING" | "MASTERDOWN").then(|| error_text::of_reply(error))
        }
        _ => None,
    }
}

/// Nothing was done, and why.
pub(crate) fn unavailable(cause: Cow<'static, str>) -> Reply {
    Reply::Error(ErrorReply::Unavailable(cause))
}

/// The reply that may not be given.
pub(crate) fn too_long(max_reply: usize) -> Reply {
    Reply::Error(refusal::too_long(max_reply, ""))
}

/// The reply that found no room, and was read away.
pub(crate) fn no_room() -> Reply {
    Reply::failed("no memory for the reply (KVSOCK_MAX_MEMORY); what was asked for is done")
}

/// The server answered in a form that its documentation does not know.
pub(crate) fn unexpected() -> Reply {
    Reply::failed("unexpected reply from the store")
}

/// Why a compound operation stopped half-way.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection went, or the server does not serve just now: another attempt may help.
    Lost(Lost),
    /// This is the reply.
    Refused(Reply),
    /// There is no room for the reply.
    NoRoom,
}

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Fault {
        Fault::Lost(lost)
    }
}

/// The reply, unless the server refused to give one.
pub(crate) fn granted(reply: Reply) -> Result<Reply, Fault> {
    if let Some(cause) = not_serving(&reply) {
        return Err(Fault::Lost(Lost { cause, is_unsent: true }));
    }
    match reply {
        Reply::Error(_) => Err(Fault::Refused(reply)),
        reply => Ok(reply),
    }
}

/// A number.
pub(crate) fn integer(reply: Reply) -> Result<i64, Fault> {
    match granted(reply)? {
        Reply::Integer(number) => Ok(number),
        _ => Err(Fault::Refused(unexpected())),
    }
}

/// A list.
pub(crate) fn array(reply: Reply) -> Result<Vec<Reply>, Fault> {
    match granted(reply)? {
        Reply::Array(items) => Ok(items),
        _ => Err(Fault::Refused(unexpected())),
    }
}

/// A key.
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
