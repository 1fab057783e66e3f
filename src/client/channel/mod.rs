//! The connection to the daemon. Read `connection` first.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod socket;
pub(crate) mod trust;
