//! A connection to the daemon, which speaks RESP 3.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::Scan;
use super::socket::DaemonSocket;
use super::trust::connect;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::message::Reply;
use crate::protocol::resp::{decode_reply, encode_request};

/// How soon an interruption is noticed that came just before a wait.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// Bytes read at a time at least, and at most.
const READ_MIN: usize = 64 * 1024;
const READ_MAX: usize = 4 * 1024 * 1024;
/// How an error in the text protocol begins: what a daemon says that cannot serve at all.
const TEXT_ERROR: &[u8] = b"ERROR: ";

/// A connection. Its reading and writing are in turns, so that it may ask for more than the
/// socket holds without a deadlock.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    received: BytesMut,
    /// Written before the first request, with it.
    greeting: Vec<u8>,
    /// The greeting's reply is still to come.
    greeted: bool,
    /// Why nothing can be written any more; the daemon may have said why.
    broken: Option<io::Error>,
    interrupt: Interrupt,
}

impl Connection {
    /// Connects; what waits on the connection ends when `interrupt` is set.
    pub(crate) fn open(
        socket: &DaemonSocket,
        interrupt: Interrupt,
    ) -> Result<Connection, ClientError> {
        let stream = connect(socket)?;
        stream.set_nonblocking(true).map_err(ClientError::connect(socket.path()))?;
        let mut greeting = Vec::new();
        encode_request(b"HELLO", &[b"3"], &mut greeting);
        Ok(Connection {
            stream,
            received: BytesMut::new(),
            greeting,
            greeted: false,
            broken: None,
            interrupt,
        })
    }

    /// One request and its reply.
    pub(crate) fn ask(&mut self, words: &[impl AsRef<[u8]>]) -> Result<Reply, ClientError> {
        let mut request = Vec::new();
        push_request(words, &mut request);
        self.send(&request)?;
        self.receive()
    }

    /// Writes encoded requests. A connection that breaks meanwhile is reported by
    /// [`Connection::receive`], after what the daemon still had to say.
    pub(crate) fn send(&mut self, requests: &[u8]) -> Result<(), ClientError> {
        if self.interrupt.is_set() {
            return Err(ClientError::Interrupted);
        }
        let mut out = std::mem::take(&mut self.greeting);
        out.extend_from_slice(requests);
        let mut rest = &out[..];
        while !rest.is_empty() && self.broken.is_none() {
            match self.stream.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::IN | PollFlags::OUT)?;
                    // The daemon may be unable to read on before its replies are taken.
                    self.read().map_err(ClientError::Connection)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.broken = Some(error),
            }
        }
        Ok(())
    }

    /// Waits for the next reply.
    pub(crate) fn receive(&mut self) -> Result<Reply, ClientError> {
        if !self.greeted {
            if let Reply::Error(error) = self.next()? {
                return Err(ClientError::Refused(error.to_string()));
            }
            self.greeted = true;
        }
        self.next()
    }

    /// Whether the daemon has hung up, or said something that nobody asked for: it is going.
    pub(crate) fn is_over(&self) -> bool {
        let mut ready = [PollFd::new(&self.stream, PollFlags::IN)];
        !matches!(poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }

    fn next(&mut self) -> Result<Reply, ClientError> {
        let mut scan = Scan::new();
        while !scan.is_whole(&self.received) {
            match self.read().map_err(ClientError::Connection)? {
                Took::Some => {}
                Took::Nothing => self.wait(PollFlags::IN)?,
                Took::End => {
                    let broken = self.broken.take().map(ClientError::Connection);
                    return Err(broken.unwrap_or(ClientError::NoReply));
                }
            }
        }
        if !self.greeted {
            self.refusal()?;
        }
        match decode_reply(&mut self.received) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(ClientError::BadReply("half of it is missing".to_owned())),
            Err(fault) => Err(ClientError::BadReply(fault.to_string())),
        }
    }

    /// A daemon that cannot serve at all says why as a line of text.
    fn refusal(&self) -> Result<(), ClientError> {
        let Some(why) = self.received.strip_prefix(TEXT_ERROR) else { return Ok(()) };
        let end = memchr::memchr(b'\n', why).unwrap_or(why.len());
        Err(ClientError::Refused(String::from_utf8_lossy(&why[..end]).into_owned()))
    }

    fn read(&mut self) -> io::Result<Took> {
        let held = self.received.len();
        // The more there is of a reply, the more is likely to follow.
        self.received.resize(held + held.clamp(READ_MIN, READ_MAX), 0);
        let result = self.stream.read(&mut self.received[held..]);
        self.received.truncate(held + result.as_ref().map_or(0, |length| *length));
        match result {
            Ok(0) => Ok(Took::End),
            Ok(_) => Ok(Took::Some),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Took::Nothing),
                // What the daemon did not read comes back as a reset, after all that it said.
                io::ErrorKind::ConnectionReset => Ok(Took::End),
                _ => Err(error),
            },
        }
    }

    fn wait(&self, flags: PollFlags) -> Result<(), ClientError> {
        let mut ready = [PollFd::new(&self.stream, flags)];
        loop {
            if self.interrupt.is_set() {
                return Err(ClientError::Interrupted);
            }
            match poll(&mut ready, Some(&TICK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(ClientError::Connection(errno.into())),
            }
        }
    }
}

/// What a read brought.
enum Took {
    Some,
    Nothing,
    End,
}

/// Appends a request, the command first.
pub(crate) fn push_request(words: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    if let Some((name, args)) = words.split_first() {
        encode_request(name.as_ref(), args, out);
    }
}
