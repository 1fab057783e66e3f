//! Follows the master that sentinels name. Read `sentinels.rs` first.
//!
//! The sentinels are asked for the address before each connection is made. They are also listened
//! to, since a master that is being replaced may not know: it may be stopped or cut off, or it
//! accepts writes that are lost, for about ten seconds, until a sentinel makes it a replica.

mod master;
mod peer;
pub(crate) mod sentinels;
