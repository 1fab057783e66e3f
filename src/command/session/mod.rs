//! What one connection has told the daemon, and who its user is.

pub(crate) mod caller;
pub(crate) mod clients;
pub(crate) mod queue;
pub(crate) mod restore;
pub(crate) mod space;
pub(crate) mod state;
