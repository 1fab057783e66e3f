//! A walk over all keys with SCAN.

use bytes::Bytes;

use crate::client::channel::connection::Connection;
use crate::client::error::ClientError;
use crate::message::Reply;

/// The number of keys that one step examines.
const STEP: &str = "512";

/// The state of the scan.
#[derive(Debug)]
pub(crate) struct Scan {
    pattern: Option<Vec<u8>>,
    cursor: Option<Bytes>,
}

impl Scan {
    /// A scan at its start.
    pub(crate) fn new(pattern: Option<Vec<u8>>) -> Scan {
        Scan { pattern, cursor: Some(Bytes::from_static(b"0")) }
    }

    /// The next keys, possibly none or some repeated; `None` at the end.
    pub(crate) fn next(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Vec<Bytes>>, ClientError> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let mut words: Vec<&[u8]> = vec![b"SCAN", &cursor, b"COUNT", STEP.as_bytes()];
        if let Some(pattern) = &self.pattern {
            words.extend([b"MATCH", &pattern[..]]);
        }
        let reply = connection.ask(&words)?;
        let (next, keys) = step(&reply).ok_or_else(|| unexpected("SCAN", &reply))?;
        self.cursor = Some(next).filter(|next| next != "0");
        Ok(Some(keys))
    }
}

fn step(reply: &Reply) -> Option<(Bytes, Vec<Bytes>)> {
    let Reply::Array(parts) = reply else { return None };
    let [cursor, keys] = &parts[..] else { return None };
    let keys = match keys {
        Reply::Array(keys) => keys.iter().map(bytes_of).collect::<Option<_>>()?,
        Reply::List(keys) => keys.iter().cloned().collect::<Option<_>>()?,
        _ => return None,
    };
    Some((bytes_of(cursor)?, keys))
}

/// The bytes of a string reply.
pub(crate) fn bytes_of(reply: &Reply) -> Option<Bytes> {
    match reply {
        Reply::Value(value) => Some(value.clone()),
        Reply::Word(text) | Reply::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
        _ => None,
    }
}

/// The error for a reply that does not fit a request of the client's own.
pub(crate) fn unexpected(command: &str, reply: &Reply) -> ClientError {
    match reply {
        Reply::Error(error) => ClientError::Refused(format!("{command}: {error}")),
        _ => ClientError::BadReply(format!("this is none to {command}")),
    }
}
