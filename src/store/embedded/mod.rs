//! The embedded engine: a log-structured store in a directory that belongs to this process.
//!
//! Batches that only read run at once on a snapshot of the committed data, and never wait for a
//! sync. All other batches go to the one writer thread, which commits the batches of many clients
//! together. A client reads its own writes, because it sends the next batch only after the replies
//! to the batch before.
//!
//! Read `engine` first, and then from `format` on. Imports run one way: `argument` and `format`
//! import no other folder. `change` and `disk` import `format`. Above them stand, in this order,
//! `last`, `read`, `types`, `write` and `engine`.

mod argument;
mod change;
pub(super) mod check;
mod disk;
mod engine;
mod format;
mod glob;
mod last;
mod read;
mod types;
mod write;

pub(super) use self::change::watch::Watch;
pub(super) use self::engine::store::Embedded;
pub(crate) use self::glob::matches as glob_matches;
