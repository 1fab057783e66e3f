//! A request that passed all checks.

use super::table::{Command, Local};
use crate::message::Args;
use crate::store::Verb;

/// Where a request is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// In the store.
    Store(Verb),
    /// In the daemon.
    Local(Local),
}

/// A request that passed all checks.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) command: &'static Command,
    pub(crate) by: By,
    /// The arguments. They include a subcommand's name only if the store carries it out.
    pub(crate) args: Args,
}
