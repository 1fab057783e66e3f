//! Arguments that must be whole numbers.

use super::refusal;
use crate::message::ErrorReply;

pub(super) use crate::store::integer::parse;

/// The number, see [`parse`], or the error that there is none.
pub(super) fn argument(text: &[u8]) -> Result<i64, ErrorReply> {
    parse(text).ok_or_else(refusal::not_an_integer)
}
