//! Commands on strings. Read `part` first.

pub(crate) mod assign;
pub(crate) mod bits;
pub(crate) mod counter;
pub(crate) mod field;
pub(crate) mod float;
pub(crate) mod lcs;
pub(crate) mod part;
