//! Exports and imports of all data. Read `record` first: it is the form of a pair.

pub(crate) mod destination;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod key_space;
pub(crate) mod named_file;
pub(crate) mod partial_file;
pub(crate) mod record;
pub(crate) mod scan;
