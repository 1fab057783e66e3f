//! `last`: the index of the most recently set keys, and the log of changes that are written to it.
//! Read `index.rs` first.
//!
//! A `set` appends one entry to a log in memory (`log.rs`). The changes of 50 ms are written in
//! chunks over the next 40 ms, so that no request waits behind all of them. A request that reads
//! the index, like `last`, has the rest written at once (`waiting.rs`).

pub(crate) mod access;
pub(crate) mod fate;
pub(crate) mod index;
pub(crate) mod log;
pub(crate) mod pending;
pub(crate) mod read;
pub(crate) mod waiting;
