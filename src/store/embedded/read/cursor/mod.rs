//! Cursors of `SCAN`: numbers that stand for the key where an iteration goes on.
//!
//! Read `table` first: it remembers the keys. `number` parses the numbers.

pub(crate) mod number;
pub(crate) mod table;
