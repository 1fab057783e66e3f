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

/// The longest delay before an interruption just before a wait is noticed.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// The least bytes of a read.
const READ_MIN: usize = 64 * 1024;
const READ_MAX: usize = 4 * 1024 * 1024;
/// The beginning of an error in the text protocol, which a daemon that cannot serve sends.
const TEXT_ERROR: &[u8] = b"ERROR: ";

/// A connection to the daemon. It reads and writes by turns, so that a long pipeline causes no
/// deadlock when the socket is full.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    received: BytesMut,
    /// Bytes sent together with the first request, before it.
    greeting: Vec<u8>,
    /// Whether the greeting's reply was received.
    greeted: bool,
    /// The error after which nothing can be written. The daemon may have sent its reason.
    broken: Option<io::Error>,
    interrupt: Interrupt,
}

impl Connection {
    /// Connects. A wait on the connection ends when `interrupt` is set.
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

    /// Sends one request and waits for its reply.
    pub(crate) fn ask(&mut self, words: &[impl AsRef<[u8]>]) -> Result<Reply, ClientError> {
        let mut request = Vec::new();
        push_request(words, &mut request);
        self.send(&request)?;
        self.receive()
    }

    /// Writes encoded requests. If the connection breaks, [`Connection::receive`] reports it after
    /// the daemon's last replies.
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
                    // The daemon may not read on before its replies are taken.
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

    /// Whether the daemon has hung up or sent an unexpected message: it is about to stop.
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

    /// A daemon that cannot serve sends the reason as a line of text.
    fn refusal(&self) -> Result<(), ClientError> {
        let Some(why) = self.received.strip_prefix(TEXT_ERROR) else { return Ok(()) };
        let end = memchr::memchr(b'\n', why).unwrap_or(why.len());
        Err(ClientError::Refused(String::from_utf8_lossy(&why[..end]).into_owned()))
    }

    fn read(&mut self) -> io::Result<Took> {
        let held = self.received.len();
        // The longer a reply is so far, the more bytes are likely to follow.
        self.received.resize(held + held.clamp(READ_MIN, READ_MAX), 0);
        let result = self.stream.read(&mut self.received[held..]);
        self.received.truncate(held + result.as_ref().map_or(0, |length| *length));
        match result {
            Ok(0) => Ok(Took::End),
            Ok(_) => Ok(Took::Some),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Took::Nothing),
                // Bytes that the daemon did not read cause a reset, after all of its replies.
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

/// The result of a read.
enum Took {
    Some,
    Nothing,
    End,
}

/// Appends a request; the command is the first word.
pub(crate) fn push_request(words: &[impl AsRef<[u8]>], out: &mut Vec<u8>) {
    if let Some((name, args)) = words.split_first() {
        encode_request(name.as_ref(), args, out);
    }
}
