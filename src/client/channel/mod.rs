//! The connection to the daemon. Read `connection` first.

pub(super) mod connection;
mod frame;
pub(super) mod socket;
pub(super) mod trust;
