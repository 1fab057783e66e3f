//! Reads of the committed data. Read `keys` first, which is all that commands see, and then
//! `snapshot` and `shared`. `cache`, `clock` and `cursor` are parts of `shared`. `lengths` tells which
//! batches read long values.

pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod cursor;
pub(crate) mod keys;
pub(crate) mod lengths;
pub(crate) mod merge;
pub(crate) mod random;
pub(crate) mod save_mark;
pub(crate) mod shared;
pub(crate) mod snapshot;
