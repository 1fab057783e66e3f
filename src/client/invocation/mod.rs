//! The client's command line and its help. Read `command_line` first.

pub(super) mod command_line;
pub(super) mod completions;
pub(super) mod definition;
pub(super) mod manual;
pub(super) mod suggestion;
