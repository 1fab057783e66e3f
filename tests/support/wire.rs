//! One connection in either protocol, that gives every reply as the text protocol writes it: all
//! values of a run are plain words.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use redis::{ErrorKind, Parser, Value};

/// How long a reply may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Text,
    Resp2,
    Resp3,
}

pub(crate) struct Wire {
    stream: BufReader<UnixStream>,
    protocol: Protocol,
    parser: Parser,
    /// How many interruptions there were when it last worked.
    known_at: u64,
}

impl Wire {
    pub(crate) fn connect(socket: &Path, protocol: Protocol) -> io::Result<Wire> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (stream, parser) = (BufReader::new(stream), Parser::new());
        let mut wire = Wire { stream, protocol, parser, known_at: 0 };
        if protocol == Protocol::Resp3 {
            wire.send(&["HELLO 3".to_owned()])?;
            wire.reply()?;
        }
        Ok(wire)
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many interruptions there were when it last worked.
    pub(crate) fn known_at(&self) -> u64 {
        self.known_at
    }

    /// It works, and there were so many interruptions so far.
    pub(crate) fn is_known_at(&mut self, interruptions: u64) {
        self.known_at = interruptions;
    }

    /// Sends requests, words separated by blanks, in one write.
    pub(crate) fn send(&mut self, requests: &[String]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for request in requests {
            if self.protocol == Protocol::Text {
                bytes.extend(format!("{request}\n").into_bytes());
                continue;
            }
            let words: Vec<&str> = request.split(' ').collect();
            bytes.extend(format!("*{}\r\n", words.len()).into_bytes());
            for word in words {
                bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
            }
        }
        self.stream.get_mut().write_all(&bytes)
    }

    /// The next reply. An error means that the connection ended without one.
    pub(crate) fn reply(&mut self) -> io::Result<String> {
        if self.protocol == Protocol::Text {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let reply = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
            return Ok(reply.to_owned());
        }
        match self.parser.parse_value(&mut self.stream) {
            Ok(value) => Ok(text(&value)),
            Err(error) if error.kind() == ErrorKind::Parse && !error.is_connection_dropped() => {
                panic!("the daemon sent what is no RESP: {error}")
            }
            Err(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Nil => "(nil)".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).expect("a word of ours"),
        Value::SimpleString(word) => word.clone(),
        Value::Okay => "OK".to_owned(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Map(_) => "a map".to_owned(),
        Value::ServerError(error) if error.code() == "ERR" => {
            format!("ERROR: {}", error.details().unwrap_or_default())
        }
        Value::ServerError(error) => {
            format!("ERROR: {} {}", error.code(), error.details().unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}
