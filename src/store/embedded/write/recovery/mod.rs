//! The recovery: the database is opened again after a failed write, in the same process.
//!
//! After a failed write, in the foreground or in the background, the database takes no more writes.
//! Readers keep the open database until there is room. Then it is closed and opened again. Before
//! it takes writes, all data that was read back is written to tables, and a new journal begins.
//!
//! Read `state` first. `opening` opens and closes the database. `attempt` tries to take writes
//! again. `scarcity` handles a full disk.

pub(crate) mod attempt;
pub(crate) mod opening;
pub(crate) mod scarcity;
pub(crate) mod state;
