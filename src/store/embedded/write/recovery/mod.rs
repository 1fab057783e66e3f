//! Opening the database again after a failed write, in the same process.
//!
//! The database takes no write after one has failed, in the foreground or in the background.
//! Reads go on with it as it is, until there is room; then it is closed and opened again. Before
//! it takes writes, all that was read back is in tables, and another journal has begun.
//!
//! `state` comes first. `opening` opens and closes the database, `attempt` takes writes again, and
//! `scarcity` is about a full disk.

pub(crate) mod attempt;
pub(crate) mod opening;
pub(crate) mod scarcity;
pub(crate) mod state;
