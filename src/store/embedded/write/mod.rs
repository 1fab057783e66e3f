//! Writes: the writer thread, the work that waits for it, and the changes that it commits.

pub(crate) mod commit;
pub(crate) mod evaluation;
pub(crate) mod group;
pub(crate) mod job;
pub(crate) mod queue;
pub(crate) mod recovery;
pub(crate) mod work;
pub(crate) mod writer;
