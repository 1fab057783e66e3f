//! The engine: an open store, and who carries out a batch or a transaction.
//!
//! `store` comes first: it is the store that all the others work on. `execute` takes batches, `read`,
//! `transact`, `beside` and `clear` carry them out.

pub(crate) mod beside;
pub(crate) mod clear;
pub(crate) mod execute;
pub(crate) mod read;
pub(crate) mod store;
pub(crate) mod transact;
