//! The arguments of commands: numbers, ranges and times.

pub(crate) mod integer;
pub(crate) mod range;
pub(crate) mod refusal;
pub(crate) mod time;
