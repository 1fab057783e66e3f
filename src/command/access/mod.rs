//! Callers: the user behind a connection, the administrators, and the log entries about both.

pub(crate) mod audit;
pub(crate) mod caller;
pub(crate) mod pace;
