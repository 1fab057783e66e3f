//! The connection to the daemon.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod socket;
pub(crate) mod trust;
