//! Bounds on the time and the memory that one user's requests may take of a server.

pub(crate) mod estimate;
pub(crate) mod expense;
pub(crate) mod growth;
