//! A request that passed all checks.

use super::table::{Command, Local};
use crate::message::Args;

/// Where a request is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// In the store.
    Store,
    /// In the daemon.
    Local(Local),
}

/// A request that passed all checks.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) command: &'static Command,
    pub(crate) by: By,
    /// The arguments, without a subcommand's name.
    pub(crate) args: Args,
}
