//! Words of requests, and how they are compared.

/// Whether `text` is `word`, in upper or lower case.
pub(crate) fn is_word(text: &[u8], word: &str) -> bool {
    text.eq_ignore_ascii_case(word.as_bytes())
}
