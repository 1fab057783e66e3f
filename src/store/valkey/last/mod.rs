//! `last`: the index of the keys most recently set, and the log of changes that it is written from.

pub(crate) mod access;
pub(crate) mod fate;
pub(crate) mod index;
pub(crate) mod log;
pub(crate) mod pending;
pub(crate) mod read;
pub(crate) mod waiting;
