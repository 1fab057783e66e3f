//! Operations on keys: each is sent to the server of its slot, and follows redirections.

mod access;
pub(crate) mod batch;
pub(crate) mod lease;
pub(crate) mod order;
pub(crate) mod part;
pub(crate) mod redirect;
pub(crate) mod split;
