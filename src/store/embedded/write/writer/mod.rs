//! The writer thread: takes all batches that wait, carries them out in order, commits them together
//! with one sync, and only then answers. It alone writes, syncs, and waits for the disk.
//!
//! `thread` comes first: the loop. `state` is what the loop works on, `step` carries out one
//! operation or transaction, and `chores` is the work that no client asked for.

pub(crate) mod chores;
pub(crate) mod state;
pub(crate) mod step;
pub(crate) mod thread;
