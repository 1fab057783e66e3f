//! What can go wrong on the client's side of the socket.

use std::io;

/// What went wrong on this side of the socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("cannot connect to {path}: {source}")]
    Connect { path: String, source: io::Error },
    #[error("connection to the daemon failed: {0}")]
    Connection(#[source] io::Error),
    #[error("the daemon closed the connection without a reply")]
    NoReply,
    #[error("the daemon's reply makes no sense: unbalanced quotes")]
    BadReply,
    #[error("standard input: {0}")]
    Input(#[source] io::Error),
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
}
