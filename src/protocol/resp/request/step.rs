//! The result of one step of decoding a request in either form.

use crate::message::Request;

/// The state of the present request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The request is incomplete.
    Waiting,
    /// The request is complete, and has no command.
    Nothing,
    /// The request is complete.
    Whole(Request),
    /// The request is too long. Reported once; its bytes are dropped.
    TooLong,
}

/// Why the input cannot be decoded any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("Protocol error: invalid multibulk length")]
    Count,
    #[error("Protocol error: too big mbulk count string")]
    EndlessCount,
    #[error("Protocol error: invalid bulk length")]
    Length,
    #[error("Protocol error: too big bulk count string")]
    EndlessLength,
    #[error("Protocol error: expected '$', got '{}'", shown(*.0))]
    NotBulk(u8),
    #[error("Protocol error: expected CR LF after a length")]
    LineEnd,
    #[error("Protocol error: expected CR LF after bulk data")]
    DataEnd,
    #[error("Protocol error: too big inline request")]
    EndlessLine,
    #[error("Protocol error: unbalanced quotes in request")]
    Quotes,
    #[error("Protocol error: control byte '{}' in inline request", shown(*.0))]
    Control(u8),
    #[error("Protocol error: HTTP is not spoken here")]
    Http,
}

/// A byte for an error text: line ends as blanks, as Valkey shows them, and only text.
fn shown(byte: u8) -> String {
    match byte {
        b'\r' | b'\n' => " ".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => byte.escape_ascii().to_string(),
    }
}
