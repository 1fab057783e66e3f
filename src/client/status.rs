//! The exit statuses of the `kvsock` command.

/// There is no such key.
pub(super) const NOT_FOUND: u8 = 1;
/// The request failed, or never reached the daemon.
pub(super) const FAILED: u8 = 2;
/// Ended by Ctrl-C, as a shell numbers it.
pub(super) const INTERRUPTED: u8 = 130;
/// Ended because nobody reads what it writes, as a shell numbers it.
pub(super) const BROKEN_PIPE: u8 = 141;
