//! The engine: an open store, and the threads that carry out a batch or a transaction.
//!
//! Read `store` first: all other files work on it. `execute` takes a batch and picks the thread.
//! `read` reads, `transact` and `beside` carry out transactions, `clear` carries out `FLUSHDB`.
//! `thread` bounds the threads for long reads. `survey` completes the index of long values.

pub(crate) mod beside;
pub(crate) mod clear;
pub(crate) mod execute;
pub(crate) mod read;
pub(crate) mod store;
mod survey;
pub(crate) mod thread;
pub(crate) mod transact;
