//! A connection between two daemons: its descriptor and its record.

use std::os::fd::OwnedFd;

use super::record::Record;

/// A connection between two daemons.
#[derive(Debug)]
pub struct Carried {
    /// The daemon's end of the socket.
    pub socket: OwnedFd,
    /// The state that the next daemon resumes from.
    pub record: Record,
}
