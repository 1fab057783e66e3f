//! Transactions on one server, and the keys that clients watch for them. Read `multi.rs` first, then
//! `run.rs`. `cluster` uses all but `run.rs`.

pub(crate) mod admission;
pub(crate) mod multi;
mod run;
pub(crate) mod watch;
mod within;
