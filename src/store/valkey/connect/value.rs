//! Values of the `redis` crate as replies.

use bytes::Bytes;
use redis::Value;

use crate::message::Reply;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::error_text;

/// The reply with the contents of `value`.
pub(crate) fn to_reply(value: Value) -> Reply {
    match value {
        Value::Okay => Reply::OK,
        Value::Int(number) => Reply::Integer(number),
        Value::BulkString(bytes) => Reply::Value(Bytes::from(bytes)),
        Value::Nil => Reply::Nil,
        Value::SimpleString(word) => Reply::Word(word),
        Value::Array(values) => Reply::Array(values.into_iter().map(to_reply).collect()),
        Value::Set(values) => Reply::Set(values.into_iter().map(to_reply).collect()),
        Value::Map(pairs) => {
            Reply::Map(pairs.into_iter().map(|(name, it)| (to_reply(name), to_reply(it))).collect())
        }
        Value::Double(number) => Reply::Double(number),
        Value::Boolean(truth) => Reply::Boolean(truth),
        Value::VerbatimString { text, .. } => Reply::Text(text),
        Value::Attribute { data, .. } => to_reply(*data),
        Value::ServerError(error) => error_text::reply(&error),
        _ => reply::unexpected(),
    }
}
