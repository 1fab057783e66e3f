//! Reads: of one key, of batches, and of all keys.

pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod cursor;
pub(crate) mod keys;
pub(crate) mod merge;
pub(crate) mod random;
pub(crate) mod save_mark;
pub(crate) mod shared;
pub(crate) mod snapshot;
