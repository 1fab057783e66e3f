//! Bounds on the time and the memory that one user's requests may take of a server. Read
//! `expense.rs` first.

pub(crate) mod estimate;
pub(crate) mod expense;
pub(crate) mod growth;
