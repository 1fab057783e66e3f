//! Clients' transactions, evaluated to a draft of their changes before anything is committed.
//!
//! `draft` comes first: the changes over data that stays as it is. `evaluate` runs a transaction on a
//! draft, and `whole` its operations on a whole key space.

pub(crate) mod draft;
pub(crate) mod evaluate;
pub(crate) mod whole;
