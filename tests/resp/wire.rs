//! A connection that speaks RESP in raw bytes.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::support::daemon::Daemon;

/// How long a reply may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Wire(UnixStream);

impl Wire {
    /// A new connection.
    pub(crate) fn connect(daemon: &Daemon) -> Wire {
        let stream = UnixStream::connect(daemon.socket()).expect("the daemon listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Wire(stream)
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the daemon reads");
    }

    /// Reads as many bytes as are expected and compares them.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut found = vec![0; expected.len()];
        let mut read = 0;
        while read < found.len() && found[..read] == expected[..read] {
            match self.0.read(&mut found[read..]) {
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
            self.0.read_exact(&mut byte).expect("more");
            read.push(byte[0]);
        }
        read.truncate(read.len() - end.len());
        String::from_utf8_lossy(&read).into_owned()
    }

    /// The number that is the reply.
    pub(crate) fn number(&mut self, words: &str) -> i64 {
        let line = self.line(words);
        let number = line.strip_prefix(':').and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{line}"))
    }

    /// The bulk or verbatim string that is the reply.
    pub(crate) fn text(&mut self, words: &str) -> String {
        let header = self.line(words);
        let length: usize = header[1..].parse().unwrap_or_else(|_| panic!("{header}"));
        let mut text = vec![0; length + 2];
        self.0.read_exact(&mut text).expect("the text");
        text.truncate(length);
        String::from_utf8(text).expect("text")
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).expect("connected");
    }

    /// Reads away everything until the daemon closes.
    pub(crate) fn expect_cut_off(&mut self) {
        if let Err(error) = self.0.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }

    /// Compares everything until the daemon closes.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, expected: impl AsRef<[u8]>) {
        let mut rest = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut rest) {
            // What the daemon did not read comes back as a reset, after all that it had to say.
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "after {rest:?}");
        }
        assert_eq!(rest.escape_ascii().to_string(), expected.as_ref().escape_ascii().to_string());
    }
}

/// Words, separated by one blank each, as a RESP array.
pub(crate) fn request(words: &str) -> Vec<u8> {
    let words: Vec<&str> = words.split(' ').collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}
