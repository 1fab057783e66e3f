//! Clients' transactions, evaluated to a draft of their changes before a commit.
//!
//! Read `draft` first: changes over data that does not change. `evaluate` runs a transaction on a
//! draft. `whole` runs operations on a whole key space.

pub(crate) mod draft;
pub(crate) mod evaluate;
pub(crate) mod whole;
