//! Follows the master that sentinels name. Read `sentinels.rs` first.
//!
//! The sentinels are asked for the address before each connection is made. They are also listened
//! to, since a master that is being replaced may not know: it may be stopped or cut off, or it
//! accepts writes that are lost, for about ten seconds, until a sentinel makes it a replica.
//!
//! A `Sentinels` is the target (`connect/target.rs`) of the link and the pool of one server. The
//! login of each connection checks that the server is a master. When a fail-over begins, the
//! connections retire: exchanges in flight complete, and no request is added. When an answer with
//! an epoch that is not older (`config-epoch`) names another address, the connections end. A master
//! that is being replaced may refuse commands. It did not execute them, so they stay open, together
//! with the reads after them, and are sent to the next master (`wire/refusal.rs`).

mod master;
mod peer;
pub(crate) mod sentinels;
