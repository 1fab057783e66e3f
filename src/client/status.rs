//! The exit statuses of the `kvsock` command.

/// No such key exists.
pub(super) const NOT_FOUND: u8 = 1;
/// The request failed or did not reach the daemon.
pub(super) const FAILED: u8 = 2;
/// Ended by Ctrl-C, as a shell numbers it.
pub(super) const INTERRUPTED: u8 = 130;
/// Ended because the reader of its output is gone, as a shell numbers it.
pub(super) const BROKEN_PIPE: u8 = 141;
