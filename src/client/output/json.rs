//! Replies as one line of JSON.
//!
//! A UTF-8 string is a JSON string, any other `{"base64": "..."}`. Nil is null, a map an object (or
//! an array of pairs if a name is no string), and an error `{"error": "..."}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::message::Reply;

/// A reply that is displayed as JSON.
pub(crate) struct Json<'a>(pub(crate) &'a Reply);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Reply::Nil | Reply::NilList => serializer.serialize_unit(),
            Reply::Status(word) => serializer.serialize_str(word),
            Reply::Word(text) | Reply::Text(text) => serializer.serialize_str(text),
            Reply::Integer(number) => serializer.serialize_i64(*number),
            Reply::Double(number) if number.is_finite() => serializer.serialize_f64(*number),
            Reply::Double(number) => serializer.collect_str(number),
            Reply::Boolean(truth) => serializer.serialize_bool(*truth),
            Reply::Value(value) => string(value, serializer),
            Reply::List(items) => {
                serializer.collect_seq(items.iter().map(|item| item.as_ref().map(JsonString)))
            }
            Reply::Array(items) | Reply::Set(items) => {
                serializer.collect_seq(items.iter().map(Json))
            }
            Reply::Pairs(pairs) => serializer
                .collect_seq(pairs.iter().map(|(key, value)| [JsonString(key), JsonString(value)])),
            Reply::Map(pairs) if pairs.iter().all(|(name, _)| name_of(name).is_some()) => {
                let named = pairs.iter().filter_map(|(name, value)| Some((name_of(name)?, value)));
                serializer.collect_map(named.map(|(name, value)| (name, Json(value))))
            }
            Reply::Map(pairs) => {
                serializer.collect_seq(pairs.iter().map(|(name, value)| [Json(name), Json(value)]))
            }
            Reply::Speaks(_, reply) => Json(reply).serialize(serializer),
            Reply::Error(error) => single("error", &error.to_string(), serializer),
        }
    }
}

/// The name of a member of an object.
fn name_of(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Status(word) => Some(word),
        Reply::Word(text) | Reply::Text(text) => Some(text),
        Reply::Value(value) => std::str::from_utf8(value).ok(),
        _ => None,
    }
}

struct JsonString<'a>(&'a Bytes);

impl Serialize for JsonString<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        string(self.0, serializer)
    }
}

fn string<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => single("base64", &STANDARD.encode(bytes), serializer),
    }
}

fn single<S: Serializer>(name: &str, text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, text)?;
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_reply_is_one_line_of_json() {
        let value = |bytes: &'static [u8]| Reply::Value(Bytes::from_static(bytes));
        for (reply, expected) in [
            (value(b"a\n\"\0"), r#""a\n\"\u0000""#),
            (value(b"\xff\x00"), r#"{"base64":"/wA="}"#),
            (Reply::Nil, "null"),
            (Reply::OK, r#""OK""#),
            (Reply::Integer(-2), "-2"),
            (Reply::Double(f64::INFINITY), r#""inf""#),
            (Reply::Array(vec![value(b"a"), Reply::Nil]), r#"["a",null]"#),
            (Reply::Map(vec![(value(b"a"), Reply::Integer(1))]), r#"{"a":1}"#),
            (
                Reply::Map(vec![(value(b"\xff"), Reply::Boolean(true))]),
                r#"[[{"base64":"/w=="},true]]"#,
            ),
            (Reply::Pairs(vec![("a".into(), "1".into())]), r#"[["a","1"]]"#),
            (Reply::failed("no \"use\""), r#"{"error":"no \"use\""}"#),
        ] {
            assert_eq!(serde_json::to_string(&Json(&reply)).unwrap(), expected);
        }
    }
}
