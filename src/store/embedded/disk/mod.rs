//! The database on the disk. Read `database` first, which opens it and commits; `tables` and
//! `rotation` write its memtables out. `long` is the index of long values. `directory`, `journal`, `reserve` and `probe` are about its
//! files. `fault` is the error type, and `internals` lists the internals of fjall that this engine
//! relies on.

pub(crate) mod database;
pub(crate) mod directory;
pub(crate) mod fault;
pub(crate) mod internals;
pub(crate) mod journal;
pub(crate) mod long;
pub(crate) mod probe;
pub(crate) mod reserve;
pub(crate) mod rotation;
pub(crate) mod tables;
