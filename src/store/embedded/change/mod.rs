//! The changes that one commit makes, and the notes of clients and transactions that depend on
//! them.
//!
//! Read `changes` first. `observer` compares changes with the keys that a transaction read. `watch`
//! serves `WATCH` and depends on neither.

pub(crate) mod changes;
pub(crate) mod observer;
pub(crate) mod watch;
