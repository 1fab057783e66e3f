//! The cost of a command to a store, and the lengths that values may reach. Read `bound` first.

pub(crate) mod bound;
pub(crate) mod field;
pub(crate) mod lengths;
