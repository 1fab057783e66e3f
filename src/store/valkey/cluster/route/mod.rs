//! Routes operations on keys to the owners of the slots, and follows redirections. Read `batch.rs`
//! first.

mod access;
pub(crate) mod batch;
pub(crate) mod lease;
pub(crate) mod order;
pub(crate) mod part;
pub(crate) mod redirect;
pub(crate) mod sender;
pub(crate) mod split;
