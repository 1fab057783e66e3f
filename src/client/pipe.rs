//! Requests from a pipe, one per line, in the text protocol, and a reply line for each.
//!
//! One thread copies the requests to the daemon while another copies its replies, each through a
//! buffer of fixed size. A slow writer or reader slows down the rest, and no thread blocks for
//! ever.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::channel::socket::DaemonSocket;
use super::channel::trust::connect;
use super::error::ClientError;
use super::status::FAILED;

/// The size of each buffer.
const BUFFER: usize = 64 * 1024;
/// The beginning of an error reply.
const ERROR: &[u8] = b"ERROR: ";
/// The reply to `quit`.
const FAREWELL: &[u8] = b"BYE\n";

/// Executes all requests of standard input. Fails if one of them fails.
pub(super) fn run(socket: &DaemonSocket) -> Result<ExitCode, ClientError> {
    let mut replies = connect(socket)?;
    let requests = replies.try_clone().map_err(ClientError::connect(socket.path()))?;
    let asked = Arc::new(AtomicU64::new(0));
    let (ended, end) = mpsc::channel();
    let counter = Arc::clone(&asked);
    thread::spawn(move || send(requests, &counter, &ended));
    let answered = print(&mut replies)?;
    let is_end = match end.try_recv() {
        Ok(input) => input.map(|()| true)?,
        // The daemon hung up, as it does after `quit`.
        Err(_) => answered.last_is_farewell(),
    };
    let (requests, replies) = (asked.load(Ordering::Relaxed), answered.lines);
    if replies < requests {
        return Err(ClientError::TooFewReplies { replies, requests });
    }
    if !is_end {
        return Err(ClientError::EarlyEnd);
    }
    Ok(if answered.errors > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// Copies standard input to the daemon, counts its requests, and reports its end.
fn send(mut daemon: UnixStream, asked: &AtomicU64, ended: &Sender<Result<(), ClientError>>) {
    // An empty line has no reply, and shows the daemon that the protocol is text.
    let mut sent = daemon.write_all(b"\n");
    let mut count = RequestCount::default();
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; BUFFER];
    let mut result = Ok(());
    // If the daemon hangs up, the number of replies shows which requests have none.
    while sent.is_ok() {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                count.add(&buffer[..length]);
                asked.store(count.requests, Ordering::Relaxed);
                sent = daemon.write_all(&buffer[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                result = Err(ClientError::Input(error));
                break;
            }
        }
    }
    asked.store(count.finish(), Ordering::Relaxed);
    // If the daemon hung up first, the receiver is gone.
    let _ = ended.send(result);
    let _ = daemon.shutdown(Shutdown::Write);
}

/// Copies the daemon's replies to standard output, and counts them.
fn print(daemon: &mut UnixStream) -> Result<ReplyCount, ClientError> {
    let mut out = io::stdout().lock();
    let mut count = ReplyCount::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        match daemon.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                count.add(&buffer[..length]);
                out.write_all(&buffer[..length]).map_err(ClientError::Output)?;
                out.flush().map_err(ClientError::Output)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(ClientError::Connection(error)),
        }
    }
    Ok(count)
}

/// Counts the lines that get a reply: all that are not blank.
#[derive(Debug, Default)]
struct RequestCount {
    requests: u64,
    /// Whether the present line has a word.
    has_word: bool,
    /// Whether the present line ends in a CR so far. It belongs to the line end if an LF follows.
    has_cr: bool,
}

impl RequestCount {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    self.requests += u64::from(self.has_word);
                    (self.has_word, self.has_cr) = (false, false);
                }
                b'\r' if !self.has_cr => self.has_cr = true,
                b' ' | b'\t' if !self.has_cr => {}
                _ => self.has_word = true,
            }
        }
    }

    /// A last line without an end also gets a reply, whatever it contains.
    fn finish(self) -> u64 {
        self.requests + u64::from(self.has_word)
    }
}

/// Counts the reply lines and the errors among them.
#[derive(Debug, Default)]
struct ReplyCount {
    lines: u64,
    errors: u64,
    /// The last bytes received.
    tail: Vec<u8>,
    /// The number of bytes of [`ERROR`] that the present line has begun with; `None` if it began
    /// otherwise.
    matched: Option<usize>,
    within: bool,
}

impl ReplyCount {
    fn last_is_farewell(&self) -> bool {
        self.tail == FAREWELL || self.tail.ends_with(&[b"\n", FAREWELL].concat())
    }

    fn add(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(FAREWELL.len() + 1)..]);
        self.tail.drain(..self.tail.len().saturating_sub(FAREWELL.len() + 1));
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.within {
                self.matched = Some(0);
            }
            if let Some(matched) = self.matched {
                let length = line.len().min(ERROR.len() - matched);
                let is_same = line[..length] == ERROR[matched..matched + length];
                self.matched = is_same.then_some(matched + length);
                if self.matched == Some(ERROR.len()) {
                    self.errors += 1;
                    self.matched = None;
                }
            }
            self.within = line.last() != Some(&b'\n');
            self.lines += u64::from(!self.within);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_replies_are_counted_in_whatever_pieces_they_come() {
        let requests = b"ping\n\n \t\r\nget a\r\n\r \n\r\r\nx";
        let replies = b"pong\nERROR: x\n\nERRORS\n ERROR: \nERROR: \nERROR:\n";
        for step in 1..9 {
            let (mut asked, mut answered) = (RequestCount::default(), ReplyCount::default());
            requests.chunks(step).for_each(|piece| asked.add(piece));
            replies.chunks(step).for_each(|piece| answered.add(piece));
            assert_eq!(asked.finish(), 5);
            assert_eq!((answered.lines, answered.errors), (7, 2));
        }
    }
}
