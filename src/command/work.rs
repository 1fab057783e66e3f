//! A request that passed all checks.

use super::table::{Command, Local};
use crate::message::Args;
use crate::store::Verb;

/// Who carries out a request that passed all checks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// The store.
    Store(Verb),
    /// The daemon.
    Local(Local),
}

/// A request that passed all checks.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) command: &'static Command,
    pub(crate) by: By,
    /// A subcommand's name is among them only if the store does it.
    pub(crate) args: Args,
}
