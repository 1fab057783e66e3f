//! Logs: to the journal or standard error, and optionally to files. The thread that logs never
//! waits for any of them.
//!
//! The journal's socket blocks while its reader is stuck, and so do pipes and disks. Therefore the
//! thread that logs only copies the event into a bounded queue, and a thread of its own writes.
//! Events for which the queue has no room are dropped and counted. Each event is logged alone:
//! spans are not recorded. Read `thread` first.

#[cfg(test)]
pub(crate) mod captured;
mod entry;
mod error;
pub mod event;
mod filter;
mod journal;
mod options;
mod output;
mod panic;
mod queue;
#[cfg(test)]
mod tests;
mod thread;

pub use self::error::LogError;
pub use self::filter::{Filter, FilterError};
pub use self::options::Options;
pub use self::output::Sink;
pub use self::thread::{Logging, start};
