//! Cursors of `SCAN`: numbers that stand for the key where an iteration goes on.
//!
//! `table` comes first: it remembers the keys. `number` reads the numbers.

pub(crate) mod number;
pub(crate) mod table;
