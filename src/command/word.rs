//! Words of requests: how they are compared, and how error texts repeat them.

use std::borrow::Cow;

use crate::message::ErrorReply;

/// A word as error texts repeat it: cut off at a NUL, as in Valkey.
pub(crate) fn shown(word: &[u8]) -> Cow<'_, str> {
    let end = word.iter().position(|byte| *byte == 0).unwrap_or(word.len());
    String::from_utf8_lossy(&word[..end])
}

/// Whether `text` is `word`, in upper or lower case.
pub(crate) fn is_word(text: &[u8], word: &str) -> bool {
    text.eq_ignore_ascii_case(word.as_bytes())
}

/// Valkey's reply to options that do not fit.
pub(crate) fn syntax() -> ErrorReply {
    ErrorReply::Failed("syntax error".into())
}
