//! Help, and the reply to a command that there is none of.

use bytes::Bytes;

use super::table::{COMMANDS, Who, find};
use crate::message::Reply;

/// How much of an unknown name is repeated, in bytes.
const NAME_SHOWN: usize = 64;

/// All commands in one line, or usage and meaning of one.
pub(super) fn reply(name: Option<&Bytes>) -> Reply {
    let Some(name) = name else {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        return Reply::Line(format!("{}; try \"help <command>\"", names.join(" ")));
    };
    let Some(command) = find(name) else { return unknown(name) };
    let usage = [command.name, command.synopsis].join(" ");
    let who = if command.who == Who::Administrators { " (for administrators)" } else { "" };
    Reply::Line(format!("{}: {}{who}", usage.trim_end(), command.summary))
}

/// There is no command of this name.
pub(super) fn unknown(name: &[u8]) -> Reply {
    let shown = name.get(..NAME_SHOWN).unwrap_or(name);
    // Bytes that are no text are shown as such, and none can end the line.
    Reply::failed(format!("unknown command \"{}\"; try \"help\".", shown.escape_ascii()))
}
