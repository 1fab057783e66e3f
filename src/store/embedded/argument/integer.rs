//! Arguments that must be whole numbers.

use super::refusal;
use crate::message::ErrorReply;

pub(crate) use crate::store::integer::parse;

/// The number that `text` is, see [`parse`], or an error.
pub(crate) fn argument(text: &[u8]) -> Result<i64, ErrorReply> {
    parse(text).ok_or_else(refusal::not_an_integer)
}
