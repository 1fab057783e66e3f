//! A connection's requests into replies: checks, batches for the store, and transactions.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod requests;
pub(crate) mod transaction;
