//! A client of the text protocol, outside the machine, on the socket inside: root, by its uid.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use crate::machine::{BOUND, Machine};

/// A live connection.
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects; a refusal fails the test, for systemd's socket never refuses.
    pub(crate) fn connect(machine: &Machine) -> Self {
        Self::connect_to(machine, "/run/kvsock/kvsock.sock")
    }

    /// As [`Client::connect`], to a socket of an instance.
    pub(crate) fn connect_to(machine: &Machine, socket: &str) -> Self {
        let stream = UnixStream::connect(machine.path(socket)).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Writes one request line. An error means that it was not received.
    pub(crate) fn send(&mut self, request: &str) -> io::Result<()> {
        // One write, so that the line is queued whole or not at all.
        self.stream.get_mut().write_all(format!("{request}\n").as_bytes())
    }

    /// Writes some bytes, which need not end a request.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Reads one reply line, without its end. An error means that the connection ended.
    pub(crate) fn reply(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix('\n') {
            Some(reply) => Ok(reply.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Asks and waits for the reply, or for the end of the connection.
    pub(crate) fn try_ask(&mut self, request: &str) -> io::Result<String> {
        self.send(request)?;
        self.reply()
    }

    /// Asks, and has to be answered.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.try_ask(request).unwrap()
    }

    /// Reads whatever is left, up to the end of the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }

    /// A second handle, to write while another thread reads.
    pub(crate) fn try_clone(&self) -> Self {
        Self { stream: BufReader::new(self.stream.get_ref().try_clone().unwrap()) }
    }
}

/// Asks one thing on a connection of its own.
pub(crate) fn ask(machine: &Machine, request: &str) -> String {
    Client::connect(machine).ask(request)
}
