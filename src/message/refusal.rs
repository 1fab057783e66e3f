//! Error replies that commands and stores share, in Valkey's words where Valkey has such an error.

use std::borrow::Cow;

use super::ErrorReply;

/// The error for options that do not exist, contradict each other, or lack their argument.
pub(crate) fn syntax() -> ErrorReply {
    ErrorReply::Failed("syntax error".into())
}

/// An argument as error texts repeat it: cut off at a NUL, as in Valkey.
pub(crate) fn shown(argument: &[u8]) -> Cow<'_, str> {
    let end = argument.iter().position(|byte| *byte == 0).unwrap_or(argument.len());
    String::from_utf8_lossy(&argument[..end])
}

/// The error for a reply whose data is longer than `max_reply` bytes; `hint` ends the sentence.
pub(crate) fn too_long(max_reply: usize, hint: &str) -> ErrorReply {
    ErrorReply::Failed(format!("reply longer than {max_reply} bytes{hint}").into())
}
