//! One connection to a server, which reads whole replies and never fails: a connection that was
//! closed or hangs gives a reply that says so and that no server gives.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::support::daemon::PATIENCE;
use crate::support::frame;
use crate::word::Words;

/// A connection, and what was read of the next replies.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    /// Something was sent, so that what follows is taken for RESP.
    has_spoken: bool,
    read: Vec<u8>,
    taken: usize,
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
        let stream = UnixStream::connect(socket).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Connection { stream, has_spoken: false, read: Vec::new(), taken: 0 }
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
                continue;
            }
            bytes.extend(format!("*{}\r\n", words.len()).as_bytes());
            for word in words {
                bytes.extend(format!("${}\r\n", word.len()).as_bytes());
                bytes.extend(word);
                bytes.extend(b"\r\n");
            }
        }
        self.has_spoken = true;
        let _ = self.stream.write_all(&bytes);
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> Vec<u8> {
        loop {
            let rest = &self.read[self.taken..];
            if let Some(length) = frame::length(rest) {
                let reply = rest[..length].to_vec();
                self.taken += length;
                return reply;
            }
            if let Err(why) = self.fill() {
                let rest = self.read[self.taken..].escape_ascii();
                return format!("({why} after \"{rest}\")").into_bytes();
            }
        }
    }

    /// Whether the server closed, and said nothing more before.
    pub(crate) fn ended(&mut self) -> bool {
        self.taken == self.read.len() && self.fill().is_err_and(|why| why == "closed")
    }

    fn fill(&mut self) -> Result<(), String> {
        self.read.drain(..self.taken);
        self.taken = 0;
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part) {
            Ok(0) => Err("closed".to_owned()),
            Ok(length) => {
                self.read.extend(&part[..length]);
                Ok(())
            }
            Err(error) => Err(format!("no reply: {error}")),
        }
    }
}

/// Whether a command is sent as a line without lengths, as by hand: some of those that need no quotes.
fn goes_as_a_line(words: &Words) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"*:.-_".contains(byte);
    let are_plain = words.iter().all(|word| !word.is_empty() && word.iter().all(is_plain));
    are_plain && words.iter().flatten().map(|byte| usize::from(*byte)).sum::<usize>() % 16 == 0
}
