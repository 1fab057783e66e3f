//! Requests into replies: checks, batches for the store, and transactions.
//!
//! Read `requests` first: the connection calls it for each batch.

mod batch;
mod check;
pub(super) mod requests;
mod restore;
mod transaction;
