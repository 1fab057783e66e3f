//! The client's command line, and the help that it gives.

pub(crate) mod command_line;
pub(crate) mod completions;
pub(crate) mod definition;
pub(crate) mod manual;
pub(crate) mod suggestion;
