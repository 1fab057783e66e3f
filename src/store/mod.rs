//! The seam between commands and the engines that keep the data.
//!
//! A batch of [`Operation`]s goes in, a batch of replies comes out, in the same order and of the
//! same length. Both engines keep the promises of [`Store::execute`] and pass one contract suite
//! (`tests/contract`).

mod cost;
mod embedded;
mod engine;
pub(crate) mod integer;
mod location;
mod measure;
mod operation;
mod options;
mod room;
mod secret;
mod state;
mod valkey;
mod watch;

pub(crate) use self::embedded::glob_matches;
pub use self::engine::Store;
pub use self::location::{Cluster, Location, LocationError, Sentinels, Server, Transport};
pub use self::operation::{Effect, Keys, Operation, Verb};
pub use self::options::{Options, Sync, Tls};
pub use self::secret::Secret;
pub use self::state::{Health, NearCache, OpenError};
pub use self::watch::Watch;
