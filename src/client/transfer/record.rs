//! A pair as one line of JSON: the format of exports.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A key with its value and expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// Unix time in milliseconds.
    pub(crate) expires: Option<u64>,
}

/// The line; exactly one field of each pair of fields is set.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

impl Record {
    /// Appends the line.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let (key, key_base64) = text_or_base64(self.key);
        let (value, value_base64) = text_or_base64(self.value);
        let line = Line { key, key_base64, value, value_base64, expires: self.expires };
        serde_json::to_writer(&mut *out, &line).expect("a Vec takes every write");
        out.push(b'\n');
    }

    /// Parses a line; the error describes the problem.
    pub(crate) fn read(line: &[u8]) -> Result<Record, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        Ok(Record {
            key: bytes("key", line.key, line.key_base64)?,
            value: bytes("value", line.value, line.value_base64)?,
            expires: line.expires,
        })
    }
}

fn text_or_base64(bytes: Vec<u8>) -> (Option<String>, Option<String>) {
    match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
    }
}

fn bytes(name: &str, text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, String> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => {
            STANDARD.decode(base64).map_err(|error| format!("{name}_base64: {error}"))
        }
        (None, None) => Err(format!("neither {name} nor {name}_base64")),
        (Some(_), Some(_)) => Err(format!("both {name} and {name}_base64")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_what_the_documentation_shows() {
        for (key, value, expires, expected) in [
            (&b"a"[..], &b""[..], None, r#"{"key":"a","value":""}"#),
            (b"", b"\n", Some(17), r#"{"key":"","value":"\n","expires":17}"#),
            (b"\xff", b"\x80\0", None, r#"{"key_base64":"/w==","value_base64":"gAA="}"#),
        ] {
            let mut line = Vec::new();
            Record { key: key.to_vec(), value: value.to_vec(), expires }.write(&mut line);
            assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"));
        }
    }

    #[test]
    fn a_line_that_is_no_record_is_refused() {
        for line in [
            "",
            "{}",
            r#"{"key":"a"}"#,
            r#"{"key":"a","key_base64":"","value":""}"#,
            r#"{"key_base64":"?","value":""}"#,
            r#"{"key":"a","value":"b","expires":-1}"#,
            r#"{"key":"a","value":"b","ttl":1}"#,
            r#"{"key":"a","value":"b"} x"#,
            r#"{"key":"a","value":"#,
        ] {
            assert!(Record::read(line.as_bytes()).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn every_record_comes_back_equal(
            key in proptest::collection::vec(any::<u8>(), 0..9),
            value in proptest::collection::vec(any::<u8>(), 0..99),
            expires in proptest::option::of(any::<u64>()),
        ) {
            let record = Record { key, value, expires };
            let mut line = Vec::new();
            record.clone().write(&mut line);
            prop_assert_eq!(line.pop(), Some(b'\n'));
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(Record::read(&line), Ok(record));
        }
    }
}
