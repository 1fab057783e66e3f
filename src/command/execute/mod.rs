//! Requests into replies: checks, batches for the store, and transactions.
//!
//! Read `requests` first: the connection calls it for each batch.
//!
//! A pipeline has the same effects as its requests one at a time. A batch keeps the key space that
//! the session had when the batch was formed. A command that the daemon executes itself runs after
//! the requests before it. If its row says `at_once()`, it runs at once: such a command neither
//! changes the session nor shows the effects of other requests.
//!
//! The rights of the caller are checked when a request's turn comes. They are checked again if the
//! request had to wait since, for memory or for EXEC.

mod batch;
mod check;
pub(super) mod requests;
mod restore;
mod transaction;
