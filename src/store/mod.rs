//! The seam between commands and the engines that keep the data. Read `engine.rs` first, then
//! `operation.rs`.
//!
//! A batch of [`Operation`]s goes in, and one reply for each operation comes out, in the same
//! order. All engines keep the promises of [`Store::execute`] and pass one contract suite
//! (`tests/contract`).

mod check;
mod cost;
mod embedded;
mod engine;
pub(crate) mod integer;
mod location;
mod operation;
mod options;
mod room;
mod secret;
mod state;
mod valkey;
mod watch;

pub use self::check::{Check, CheckFault};
pub(crate) use self::embedded::glob_matches;
pub use self::engine::Store;
pub use self::location::{Cluster, Location, LocationError, Sentinels, Server, Transport};
pub use self::operation::Operation;
pub use self::options::{Options, Sync, Tls};
pub use self::secret::Secret;
pub use self::state::{Health, NearCache, OpenError};
pub use self::watch::Watch;
