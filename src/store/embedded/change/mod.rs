//! The changes that one commit makes, and the clients and transactions that are told of them.
//!
//! `changes` comes first: it is the data that `observer` compares. `watch` is independent of both.

pub(crate) mod changes;
pub(crate) mod observer;
pub(crate) mod watch;
