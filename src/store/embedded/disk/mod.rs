//! The database on the disk: its directory, files and journal, and the recovery after a fault.

pub(crate) mod database;
pub(crate) mod directory;
pub(crate) mod fault;
pub(crate) mod internals;
pub(crate) mod journal;
pub(crate) mod probe;
pub(crate) mod reserve;
pub(crate) mod rotation;
pub(crate) mod tables;
