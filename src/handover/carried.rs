//! A connection between two daemons: its descriptor and its record.

use std::os::fd::OwnedFd;

use super::record::Record;

/// A connection between two daemons.
#[derive(Debug)]
pub struct Carried {
    /// The daemon's end of it.
    pub socket: OwnedFd,
    /// What it needs to go on.
    pub record: Record,
}
