//! Exports and imports of all data. Read `record` first: it is the form of a pair.

mod destination;
pub(super) mod export;
pub(super) mod import;
mod key_space;
mod named_file;
mod partial_file;
mod record;
pub(super) mod scan;
