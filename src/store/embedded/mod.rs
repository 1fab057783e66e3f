//! The embedded engine: a log-structured store in a directory of this process's own.
//!
//! Batches that only read run at once, on a snapshot of the committed data, and never wait for a
//! sync. All others go to the one writer thread, which commits many clients' batches together. A
//! client reads its own writes because it sends the next batch only after the replies to the one
//! before.
//!
//! Imports run one way: `format` and `argument` import no other folder, `disk` and `change` import
//! `format`, then come `last`, `read`, `types`, `write` and `engine`. Read `engine` first, and then
//! from `format` on.

mod argument;
mod change;
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
