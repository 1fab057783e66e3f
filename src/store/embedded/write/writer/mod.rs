//! The writer thread. It takes the waiting jobs, carries them out in order, commits them together
//! with one sync, and only then answers. No other thread writes, syncs, or waits for the disk.
//!
//! Read `thread` first: it is the loop. `state` is the state of the loop. `step` carries out one
//! operation or transaction. `chores` does the work that no client asked for.

pub(crate) mod chores;
pub(crate) mod state;
pub(crate) mod step;
#[cfg(test)]
mod tests;
pub(crate) mod thread;
