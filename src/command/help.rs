//! What the commands say of themselves.

use bytes::Bytes;

use super::table::{COMMANDS, Who, find};
use crate::message::{Args, ErrorReply, Reply};

/// All commands in one line, or usage and meaning of one.
pub(super) fn reply(name: Option<&Bytes>) -> Reply {
    let Some(name) = name else {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        return Reply::Text(format!("{}; try \"help <command>\"", names.join(" ")));
    };
    let Some(command) = find(name) else {
        return Reply::Error(ErrorReply::Unknown(name.clone(), Args::new()));
    };
    let usage = [command.name, command.synopsis].join(" ");
    let who = if command.who == Who::Administrators { " (for administrators)" } else { "" };
    Reply::Text(format!("{}: {}{who}", usage.trim_end(), command.summary))
}
