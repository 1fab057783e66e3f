//! Why a request failed, as clients are told.

use std::borrow::Cow;

use super::request::Request;

/// Why a request failed. Answered to the peer; never ends the connection.
///
/// The text form is the text protocol's, without its leading `ERROR: `. RESP has the words that
/// Valkey has, where Valkey has such an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply {
    /// The request cannot be served as it stands, because of a limit or what an argument says;
    /// or the store's own plain `ERR` error, without that word.
    #[error("{0}")]
    Failed(Cow<'static, str>),
    /// An error that begins with a code other than `ERR`, code included
    /// (`WRONGTYPE Operation against ...`).
    #[error("{0}")]
    Coded(Cow<'static, str>),
    /// There is no such command.
    #[error("unknown command \"{}\"; try \"help\".", shown(&.0.name))]
    Unknown(Box<Request>),
    /// The command was called with a wrong number of arguments.
    #[error("\"{command}\" command {rule}")]
    Misuse {
        /// The command, with its subcommand after a blank.
        command: &'static str,
        /// What it takes: the end of a sentence.
        rule: &'static str,
    },
    /// The command named here is for administrators, and the caller is none.
    #[error("\"{0}\" command is for administrators.")]
    Forbidden(&'static str),
    /// The store could not be asked: nothing was done.
    #[error("store unavailable: {0}")]
    Unavailable(Cow<'static, str>),
    /// The store was asked, and its answer never came: the write named here was applied, or not.
    #[error("store connection lost; \"{0}\" may or may not have been applied.")]
    OutcomeUnknown(&'static str),
}

/// How much of an unknown name is repeated, in bytes.
const NAME_SHOWN: usize = 64;

/// Bytes that are no text are shown as such, and none can end the line.
fn shown(name: &[u8]) -> impl std::fmt::Display + '_ {
    name.get(..NAME_SHOWN).unwrap_or(name).escape_ascii()
}
