//! Cursors of `SCAN`: numbers that stand for the key where an iteration goes on.
//!
//! The tables are written to the database when the store is closed, so that iterations go on after
//! a restart.
//!
//! Read `table` first: it remembers the keys. `number` parses the numbers.

pub(crate) mod number;
pub(crate) mod table;
