//! A client's connection: writes bytes, and reads lines, whole replies of RESP or all that comes,
//! each within a time limit.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::frame;

/// How long a reply may take on a busy machine, where a test says nothing else.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a daemon or a server.
#[derive(Debug)]
pub(crate) struct Client(pub(crate) BufReader<UnixStream>);

impl Client {
    /// One on this socket, where somebody has to listen.
    pub(crate) fn connect(socket: &Path) -> Client {
        Client::try_connect(socket).expect("it listens")
    }

    /// The same, where perhaps nobody listens.
    pub(crate) fn try_connect(socket: &Path) -> io::Result<Client> {
        Client::over(UnixStream::connect(socket)?)
    }

    /// One over a connected socket.
    pub(crate) fn over(stream: UnixStream) -> io::Result<Client> {
        let client = Client(BufReader::new(stream));
        client.limit(PATIENCE)?;
        Ok(client)
    }

    /// How long each read and each write may take from now on.
    pub(crate) fn limit(&self, time: Duration) -> io::Result<()> {
        self.0.get_ref().set_read_timeout(Some(time))?;
        self.0.get_ref().set_write_timeout(Some(time))
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the daemon reads");
    }

    /// The same to a daemon that may have closed the connection.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let line = self.raw_line().expect("the daemon replies");
        String::from_utf8_lossy(&line).into_owned()
    }

    /// The same from a daemon that may close the connection. The error is `InvalidData` for a line
    /// that is cut off or is not UTF-8, and another for none.
    pub(crate) fn try_line(&mut self) -> io::Result<String> {
        let line = self.raw_line()?;
        String::from_utf8(line).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }

    /// The same, of any bytes.
    pub(crate) fn raw_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if line.pop_if(|last| *last == b'\n').is_none() {
            let torn = format!("the connection ended after \"{}\"", line.escape_ascii());
            return Err(io::Error::new(ErrorKind::InvalidData, torn));
        }
        Ok(line)
    }

    /// The exact bytes of the next reply of RESP.
    pub(crate) fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut reply = Vec::new();
        frame::read(&mut self.0, &mut reply)?;
        Ok(reply)
    }

    /// One request of the text protocol, and its reply.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.send(format!("{request}\n"));
        self.line()
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) {
        self.0.get_ref().shutdown(Shutdown::Write).expect("connected");
    }

    /// Everything until the daemon closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut rest) {
            // What the daemon did not read comes back as a reset, after all that it had to say.
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "after {rest:?}");
        }
        rest
    }

    /// Everything until the daemon closes, which has to have read all.
    pub(crate) fn text_to_end(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("closed in order");
        rest
    }
}
