//! `last`: the index of the most recently set keys, and the log of changes that are written to it.
//! Read `index.rs` first.

pub(crate) mod access;
pub(crate) mod fate;
pub(crate) mod index;
pub(crate) mod log;
pub(crate) mod pending;
pub(crate) mod read;
pub(crate) mod waiting;
