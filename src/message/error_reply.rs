//! The error replies: why a request failed, as the client is told.

use std::borrow::Cow;

use super::request::Request;

/// Why a request failed. The client receives it, and the connection stays open.
///
/// The text form is the text protocol's, without its leading `ERROR: `. RESP uses Valkey's words
/// where Valkey has such an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply {
    /// The request exceeds a limit or has a wrong argument. Also the store's own plain `ERR` error,
    /// without that word.
    #[error("{0}")]
    Failed(Cow<'static, str>),
    /// An error that begins with a code other than `ERR`, code included
    /// (`WRONGTYPE Operation against ...`).
    #[error("{0}")]
    Coded(Cow<'static, str>),
    /// No such command exists.
    #[error("unknown command \"{}\"; try \"help\".", shown(&.0.name))]
    Unknown(Box<Request>),
    /// The command was called with a wrong number of arguments.
    #[error("\"{command}\" command {rule}")]
    Misuse {
        /// The command, with its subcommand after a blank.
        command: &'static str,
        /// The rule that its arguments must follow: the end of a sentence.
        rule: &'static str,
    },
    /// The named command is for administrators, and the caller is none.
    #[error("\"{0}\" command is for administrators.")]
    Forbidden(&'static str),
    /// The store could not be asked, so that no change was made.
    #[error("store unavailable: {0}")]
    Unavailable(Cow<'static, str>),
    /// The connection broke before the store's answer: the named write may or may not have been
    /// applied.
    #[error("store connection lost; \"{0}\" may or may not have been applied.")]
    OutcomeUnknown(&'static str),
}

/// The longest part of an unknown name that is repeated, in bytes.
const NAME_SHOWN: usize = 64;

/// The name with bytes outside of printable ASCII escaped, so that none can end the line.
fn shown(name: &[u8]) -> impl std::fmt::Display + '_ {
    name.get(..NAME_SHOWN).unwrap_or(name).escape_ascii()
}
