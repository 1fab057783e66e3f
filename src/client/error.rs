//! The errors of the client.

use std::io;
use std::path::{Path, PathBuf};

use super::channel::socket::group_of;
use crate::protocol::text::Unbalanced;

/// An error, printed on standard error after the program's name.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("cannot connect to {}: {source}", path.display())]
    Connect { path: PathBuf, source: io::Error },
    #[error(
        "cannot connect to {}: permission denied; members of the group {group} may",
        path.display()
    )]
    NoMember { path: PathBuf, group: String },
    #[error(
        "the daemon at {} belongs to {owner}, who is neither you nor root; nothing was sent",
        path.display()
    )]
    Distrusted { path: PathBuf, owner: String },
    #[error("connection to the daemon failed: {0}")]
    Connection(#[source] io::Error),
    #[error("the daemon closed the connection without a reply")]
    NoReply,
    #[error("the daemon closed the connection; {replies} of {requests} requests were answered")]
    TooFewReplies { replies: u64, requests: u64 },
    #[error("the daemon closed the connection before the end of the input")]
    EarlyEnd,
    #[error("the daemon's reply makes no sense: {0}")]
    BadReply(String),
    /// The daemon's refusal of the connection, or of a request that the client sent for itself.
    #[error("{0}")]
    Refused(String),
    #[error("a pipe's replies are lines of text: --raw and --json are for single requests")]
    PipeForm,
    #[error("interrupted")]
    Interrupted,
    #[error("standard input: {0}")]
    Input(#[source] io::Error),
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
    #[error("terminal: {0}")]
    Terminal(#[source] io::Error),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{input}, line {line}: {fault}")]
    Line { input: String, line: u64, fault: String },
    #[error("{0}")]
    Resume(String),
    #[error("--all-users is for administrators")]
    AllUsers,
    #[error("unbalanced quotes in request")]
    Unbalanced,
}

impl ClientError {
    /// Makes the error of a failed connection to the daemon's socket, which tells which users may
    /// connect.
    pub(super) fn connect(path: &Path) -> impl Fn(io::Error) -> ClientError {
        move |source| {
            let path = path.to_owned();
            let denied = source.kind() == io::ErrorKind::PermissionDenied;
            match denied.then(|| group_of(&path)).flatten() {
                Some(group) => ClientError::NoMember { path, group },
                None => ClientError::Connect { path, source },
            }
        }
    }

    /// Makes the error of a failure with a file.
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> ClientError {
        move |source| ClientError::File { path: path.to_owned(), source }
    }

    /// Whether standard output was closed by its reader, which is not worth a message.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, ClientError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Unbalanced> for ClientError {
    fn from(Unbalanced: Unbalanced) -> ClientError {
        ClientError::Unbalanced
    }
}
