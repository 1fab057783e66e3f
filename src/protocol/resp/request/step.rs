//! What one look at the bytes received can find, whichever form a request has.

use crate::message::Request;

/// How far the present request has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Not all of it is there.
    Waiting,
    /// It is over, and there is nothing to carry out.
    Nothing,
    /// It is over.
    Whole(Request),
    /// It is longer than may be. Said once: it is being read away.
    TooLong,
}

/// Why the peer cannot be understood any further.
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

/// Line ends as blanks, which is what Valkey shows, and no byte that is not text.
fn shown(byte: u8) -> String {
    match byte {
        b'\r' | b'\n' => " ".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => byte.escape_ascii().to_string(),
    }
}
