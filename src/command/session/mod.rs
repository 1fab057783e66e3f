//! What one connection has told the daemon, and who its user is.

pub(crate) mod clients;
pub(crate) mod queue;
pub(crate) mod restore;
pub(crate) mod size;
pub(crate) mod space;
pub(crate) mod state;
