//! The parsing of texts into settings; every fault is kept.
//!
//! Read `read` first: it goes through all settings and calls the parsers of single values.

mod credential;
mod group;
pub(super) mod read;
mod value;
