//! One request and its reply over the socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use bytes::Bytes;

use super::error::ClientError;
use crate::protocol::text::{ReplyLine, encode_request, parse_reply};

/// Sends `words`, the command first, and reads the reply.
pub(super) fn exchange(
    socket: &Path,
    words: &[Vec<u8>],
    is_list: bool,
) -> Result<ReplyLine, ClientError> {
    let connect = |source| ClientError::Connect { path: socket.display().to_string(), source };
    let mut stream = UnixStream::connect(socket).map_err(connect)?;
    let mut request = Vec::new();
    if let Some((name, args)) = words.split_first() {
        encode_request(name, args, &mut request);
    }
    let sent = stream.write_all(&request);
    // A daemon that refuses a request may close before it read all of it: its reply says why.
    let mut line = Vec::new();
    let read = BufReader::new(stream).read_until(b'\n', &mut line);
    if line.pop() != Some(b'\n') {
        sent.and(read).map_err(ClientError::Connection)?;
        return Err(ClientError::NoReply);
    }
    parse_reply(&Bytes::from(line), is_list).map_err(|_| ClientError::BadReply)
}
