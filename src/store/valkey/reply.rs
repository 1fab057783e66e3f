//! The server's replies in the terms of the key/value model. Values are moved, never copied.

use std::borrow::Cow;

use bytes::Bytes;
use redis::{ServerError, ServerErrorKind, Value};

use super::cause;
use super::connection::Lost;
use super::encode::Prefix;
use super::scan;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Operation, Verb};

/// The reply to `operation`, whose keys become the client's again.
pub(super) fn of(prefix: &Prefix, operation: &Operation, value: Value, max_reply: usize) -> Reply {
    match operation.verb {
        Verb::Scan => step(prefix, value),
        _ => plain(value, max_reply),
    }
}

/// One step of a SCAN.
fn step(prefix: &Prefix, value: Value) -> Reply {
    let mut parts = match value {
        Value::Array(parts) => parts.into_iter(),
        other => return plain(other, usize::MAX),
    };
    let (Some(Value::BulkString(cursor)), Some(Value::Array(stored)), None) =
        (parts.next(), parts.next(), parts.next())
    else {
        return unexpected();
    };
    let keys = stored.into_iter().filter_map(|key| scan::own(prefix, key_of(key)?));
    Reply::Array(vec![Reply::Value(cursor.into()), Reply::List(keys.map(Some).collect())])
}

fn key_of(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(key) => Some(key),
        _ => None,
    }
}

/// The reply that says what `value` says, unless it is longer than a reply may be.
pub(super) fn plain(value: Value, max_reply: usize) -> Reply {
    let reply = reply(value);
    if reply.data_len() > max_reply { too_long(max_reply) } else { reply }
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Okay => Reply::OK,
        Value::Int(number) => Reply::Integer(number),
        Value::BulkString(bytes) => Reply::Value(Bytes::from(bytes)),
        Value::Nil => Reply::Nil,
        Value::SimpleString(word) => status(word),
        Value::Array(values) => list(values),
        Value::Set(values) => Reply::Set(values.into_iter().map(reply).collect()),
        Value::Map(pairs) => {
            Reply::Map(pairs.into_iter().map(|(name, it)| (reply(name), reply(it))).collect())
        }
        Value::Double(number) => Reply::Double(number),
        Value::Boolean(truth) => Reply::Boolean(truth),
        Value::VerbatimString { text, .. } => Reply::Text(text),
        Value::Attribute { data, .. } => reply(*data),
        Value::ServerError(error) => failure(&error),
        _ => unexpected(),
    }
}

/// Values, most often; anything else in scripts' replies.
fn list(values: Vec<Value>) -> Reply {
    let is_value = |value: &Value| matches!(value, Value::BulkString(_) | Value::Nil);
    if !values.iter().all(is_value) {
        return Reply::Array(values.into_iter().map(reply).collect());
    }
    let values = values.into_iter().map(|value| match value {
        Value::BulkString(bytes) => Some(Bytes::from(bytes)),
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
pub(super) fn reserved() -> Reply {
    Reply::failed("key is reserved for kvsock")
}

/// The server's own error, letter for letter, but for a leading `ERR`.
pub(super) fn failure(error: &ServerError) -> Reply {
    Reply::Error(if error.code() == "ERR" {
        ErrorReply::Failed(error.details().unwrap_or_default().to_owned().into())
    } else {
        ErrorReply::Coded(cause::server_line(error).into())
    })
}

/// Whether the server says that it does not serve yet, and so did nothing.
pub(super) fn not_serving(value: &Value) -> Option<Cow<'static, str>> {
    match value {
        Value::ServerError(error)
            if matches!(
                error.kind(),
                Some(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown)
            ) =>
        {
            Some(cause::server_line(error).into())
        }
        _ => None,
    }
}

/// Nothing was done, and why.
pub(super) fn unavailable(cause: Cow<'static, str>) -> Reply {
    Reply::Error(ErrorReply::Unavailable(cause))
}

/// The reply that may not be given.
pub(super) fn too_long(max_reply: usize) -> Reply {
    Reply::failed(format!("reply longer than {max_reply} bytes"))
}

/// The server answered in a form that its documentation does not know.
pub(super) fn unexpected() -> Reply {
    Reply::failed("unexpected reply from the store")
}

/// Why a compound operation stopped half-way.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection went, or the server does not serve just now: another attempt may help.
    Lost(Lost),
    /// This is the reply.
    Refused(Reply),
}

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Fault {
        Fault::Lost(lost)
    }
}

/// The value, unless the server refused to give one.
pub(super) fn granted(value: Value) -> Result<Value, Fault> {
    if let Some(cause) = not_serving(&value) {
        return Err(Fault::Lost(Lost { cause }));
    }
    match value {
        Value::ServerError(error) => Err(Fault::Refused(failure(&error))),
        value => Ok(value),
    }
}

/// A number.
pub(super) fn integer(value: Value) -> Result<i64, Fault> {
    match granted(value)? {
        Value::Int(number) => Ok(number),
        _ => Err(Fault::Refused(unexpected())),
    }
}

/// A list.
pub(super) fn array(value: Value) -> Result<Vec<Value>, Fault> {
    match granted(value)? {
        Value::Array(values) => Ok(values),
        _ => Err(Fault::Refused(unexpected())),
    }
}

/// A key.
pub(super) fn key(value: Value) -> Result<Vec<u8>, Fault> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(Fault::Refused(unexpected())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> Reply {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).expect(line);
        plain(value, 10)
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
        assert_eq!(
            plain(Value::BulkString(vec![0; 10]), 10),
            Reply::Value(Bytes::from_static(&[0; 10]))
        );
        assert_eq!(
            plain(Value::BulkString(vec![0; 11]), 10),
            Reply::failed("reply longer than 10 bytes")
        );
    }
}
