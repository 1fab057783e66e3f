//! The client's command line and its help. Read `command_line` first.

pub(crate) mod command_line;
pub(crate) mod completions;
pub(crate) mod definition;
pub(crate) mod manual;
pub(crate) mod suggestion;
