//! The arguments of commands: numbers, ranges and times. No file here imports another part of the
//! engine. Read `refusal` first: the other files answer with its errors.

pub(crate) mod integer;
pub(crate) mod range;
pub(crate) mod refusal;
pub(crate) mod time;
