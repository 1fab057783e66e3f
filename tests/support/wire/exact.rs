//! A connection that speaks RESP in raw bytes, and compares what it reads with the bytes expected.

use std::io::Read;
use std::path::Path;

use super::client::Client;
use super::frame;
use super::request::request;

pub(crate) struct Wire(pub(crate) Client);

impl Wire {
    /// A new connection.
    pub(crate) fn connect(socket: &Path) -> Wire {
        Wire(Client::connect(socket))
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes);
    }

    /// Reads as many bytes as are expected and compares them.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut found = vec![0; expected.len()];
        let mut read = 0;
        while read < found.len() && found[..read] == expected[..read] {
            match self.0.0.read(&mut found[read..]) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) => panic!("{error} after {}", found[..read].escape_ascii()),
            }
        }
        let found = found[..read].escape_ascii().to_string();
        assert_eq!(found, expected.escape_ascii().to_string());
    }

    /// Sends words as one request and compares the reply.
    #[track_caller]
    pub(crate) fn ask(&mut self, words: &str, expected: impl AsRef<[u8]>) {
        self.send(request(words));
        self.expect(expected);
    }

    /// Sends words as one request; gives the reply's first line.
    pub(crate) fn line(&mut self, words: &str) -> String {
        self.send(request(words));
        self.reads()
    }

    /// The next line.
    pub(crate) fn reads(&mut self) -> String {
        self.skip_to("\r\n")
    }

    /// Reads up to and including `end`; gives what was before it.
    pub(crate) fn skip_to(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let mut byte = [0];
            self.0.0.read_exact(&mut byte).expect("more");
            read.push(byte[0]);
        }
        read.truncate(read.len() - end.len());
        String::from_utf8_lossy(&read).into_owned()
    }

    /// The number that is the reply.
    pub(crate) fn number(&mut self, words: &str) -> i64 {
        self.send(request(words));
        let reply = self.0.frame().expect("a reply");
        frame::integer(&reply).unwrap_or_else(|| panic!("{}", reply.escape_ascii()))
    }

    /// The bulk or verbatim string that is the reply.
    pub(crate) fn text(&mut self, words: &str) -> String {
        self.send(request(words));
        let reply = self.0.frame().expect("a reply");
        let text = frame::text(&reply).unwrap_or_else(|| panic!("{}", reply.escape_ascii()));
        String::from_utf8(text.to_owned()).expect("text")
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) {
        self.0.finish();
    }

    /// Reads away everything until the daemon closes.
    pub(crate) fn expect_cut_off(&mut self) {
        self.0.rest();
    }

    /// Compares everything until the daemon closes.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, expected: impl AsRef<[u8]>) {
        let rest = self.0.rest();
        assert_eq!(rest.escape_ascii().to_string(), expected.as_ref().escape_ascii().to_string());
    }
}
