//! One connection in either protocol, that gives every reply as the text protocol writes it: all
//! values of a run are plain words.

use std::io;
use std::path::Path;

use super::client::Client;
use super::frame;
use super::request::request;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Text,
    Resp2,
    Resp3,
}

pub(crate) struct Wire {
    client: Client,
    protocol: Protocol,
    /// How many interruptions there were when it last worked.
    known_at: u64,
}

impl Wire {
    pub(crate) fn connect(socket: &Path, protocol: Protocol) -> io::Result<Wire> {
        let mut wire = Wire { client: Client::try_connect(socket)?, protocol, known_at: 0 };
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
        let is_text = self.protocol == Protocol::Text;
        let bytes = requests.iter().flat_map(|words| {
            if is_text { format!("{words}\n").into_bytes() } else { request(words) }
        });
        self.client.try_send(bytes.collect::<Vec<u8>>())
    }

    /// The next reply. An error means that the connection ended without one.
    pub(crate) fn reply(&mut self) -> io::Result<String> {
        if self.protocol == Protocol::Text {
            return self.client.try_line();
        }
        Ok(text(&self.client.frame()?))
    }
}

/// A reply of RESP as the text protocol writes it.
fn text(reply: &[u8]) -> String {
    let no_resp = || -> ! { panic!("the daemon sent what is no RESP: {}", reply.escape_ascii()) };
    let word = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).expect("a word of ours");
    let (marker, line) = reply.split_first().unwrap_or_else(|| no_resp());
    let line = line.strip_suffix(b"\r\n").unwrap_or_else(|| no_resp());
    match marker {
        b'$' | b'*' if line == b"-1" => "(nil)".to_owned(),
        b'_' if line.is_empty() => "(nil)".to_owned(),
        b':' => frame::integer(reply).unwrap_or_else(|| no_resp()).to_string(),
        b'$' => word(frame::bulk(reply).unwrap_or_else(|| no_resp())),
        b'+' => word(line),
        b'*' => {
            let elements = frame::elements(reply).unwrap_or_else(|| no_resp());
            elements.into_iter().map(text).collect::<Vec<_>>().join(" ")
        }
        b'%' => "a map".to_owned(),
        b'-' => format!("ERROR: {}", word(line.strip_prefix(b"ERR ").unwrap_or(line))),
        _ => no_resp(),
    }
}
