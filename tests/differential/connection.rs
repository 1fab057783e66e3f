//! One connection to a server, which reads whole replies and never fails: a connection that was
//! closed or hangs gives a reply that says so and that no server gives.

use std::io::{BufRead, ErrorKind};
use std::path::Path;

use crate::support::wire::client::Client;
use crate::support::wire::frame;
use crate::support::wire::request::encode;
use crate::word::Words;

/// A connection to either server.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    /// Something was sent, so that what follows is taken for RESP.
    has_spoken: bool,
}

impl Connection {
    pub(crate) fn open(socket: &Path, resp3: bool) -> Connection {
        let mut connection = Connection::silent(socket);
        if resp3 {
            connection.ask(&["HELLO", "3"]);
        }
        connection
    }

    /// One that has said nothing yet.
    pub(crate) fn silent(socket: &Path) -> Connection {
        Connection { client: Client::connect(socket), has_spoken: false }
    }

    /// The reply to one command.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Vec<u8> {
        self.send(&[words.iter().map(|word| word.as_bytes().to_vec()).collect()]);
        self.reply()
    }

    /// Sends commands in one write. What prevents it shows when the replies are read.
    pub(crate) fn send(&mut self, batch: &[Words]) {
        self.send_after(b"", batch);
    }

    /// The same with something else before them.
    pub(crate) fn send_after(&mut self, first: &[u8], batch: &[Words]) {
        let mut bytes = first.to_vec();
        for words in batch {
            if (self.has_spoken || !bytes.is_empty()) && goes_as_a_line(words) {
                bytes.extend(words.join(&b' '));
                bytes.extend(b"\r\n");
            } else {
                bytes.extend(encode(words));
            }
        }
        self.has_spoken = true;
        let _ = self.client.try_send(&bytes);
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> Vec<u8> {
        let mut reply = Vec::new();
        match frame::read(&mut self.client.0, &mut reply) {
            Ok(()) => reply,
            Err(error) => {
                let why = match error.kind() {
                    ErrorKind::UnexpectedEof => "closed".to_owned(),
                    _ => format!("no reply: {error}"),
                };
                format!("({why} after \"{}\")", reply.escape_ascii()).into_bytes()
            }
        }
    }

    /// Whether the server closed, and said nothing more before.
    pub(crate) fn ended(&mut self) -> bool {
        self.client.0.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

/// Whether a command is sent as a line without lengths, as by hand: some of those that need no quotes.
fn goes_as_a_line(words: &Words) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"*:.-_".contains(byte);
    let are_plain = words.iter().all(|word| !word.is_empty() && word.iter().all(is_plain));
    are_plain && words.iter().flatten().map(|byte| usize::from(*byte)).sum::<usize>() % 16 == 0
}
