//! The input of settings, as texts: the command line and the environment.
//!
//! Read `given` first: the other two files fill it.

pub(super) mod command_line;
pub(super) mod environment;
pub(super) mod given;
