//! Writes. Read `writer` first: the thread that carries out and commits all work. `work`, `job`,
//! `queue` and `group` are the way of the work to the writer, and `ration` bounds the work of each
//! user. `commit` is the writer's transaction, `evaluation` evaluates transactions of clients, and
//! `recovery` follows a failed write.
//!
//! The writer is fair to users. The queue serves them in turn. While other work waits, the writer
//! spends about 20 ms on one piece of work; while other users wait, a commit has about 1 MiB. The
//! rest of a longer batch goes back into the queue, behind the other jobs of its user. After a
//! large commit, short work comes first.

pub(crate) mod commit;
pub(crate) mod evaluation;
pub(crate) mod group;
pub(crate) mod job;
pub(crate) mod queue;
pub(crate) mod ration;
pub(crate) mod recovery;
pub(crate) mod work;
pub(crate) mod writer;
