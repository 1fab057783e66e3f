//! HELP: texts from the table of commands.

use bytes::Bytes;

use crate::command::table::{COMMANDS, Command, Run, Who, find, find_in};
use crate::message::{ErrorReply, Reply, Request};

/// All commands in one line, or the usage and summary of one.
pub(crate) fn reply(words: &[Bytes], in_text: bool) -> Reply {
    let Some(name) = words.first() else {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        return Reply::Text(format!("{}; try \"help <command>\"", names.join(" ")));
    };
    let found = find(name);
    let command = match (found.map(|command| command.run), words.get(1)) {
        (Some(Run::Container(rows)), Some(word)) => find_in(rows, word),
        (Some(Run::Container(rows)), None) => return container(name, rows),
        _ => found,
    };
    let Some(command) = command else {
        let request = Request { name: name[..].into(), args: words[1..].into() };
        return Reply::Error(ErrorReply::Unknown(Box::new(request)));
    };
    Reply::Text(line(command, in_text))
}

/// The lines of a container's HELP.
pub(crate) fn subcommands(name: &'static str) -> Reply {
    let rows = match find(name.as_bytes()).map(|command| command.run) {
        Some(Run::Container(rows)) => rows,
        _ => &[],
    };
    let title = format!("{} <subcommand> [argument]... Subcommands are:", name.to_uppercase());
    let lines = rows.iter().flat_map(|row| {
        let usage = [row.name.to_uppercase(), row.synopsis.to_owned()].join(" ");
        [usage.trim_end().to_owned(), format!("    {}", row.summary)]
    });
    Reply::Array(std::iter::once(title).chain(lines).map(Reply::Word).collect())
}

fn line(command: &Command, in_text: bool) -> String {
    let synopsis = if in_text { command.synopsis_in_text() } else { command.synopsis };
    let usage = [command.full_name, synopsis].join(" ");
    let who = match command.who {
        Who::Everyone => "",
        Who::Administrators => " (for administrators)",
        Who::Scripts => " (for those whom KVSOCK_SCRIPTS names)",
        Who::OwnersOfKeys => " (for administrators, unless users have keys of their own)",
    };
    format!("{}: {}{who}", usage.trim_end(), command.summary)
}

fn container(name: &[u8], rows: &[Command]) -> Reply {
    let names: Vec<_> = rows.iter().map(|row| row.name).collect();
    let name = String::from_utf8_lossy(name).to_lowercase();
    Reply::Text(format!("{name}: one of {}; try \"help {name} <subcommand>\"", names.join(" ")))
}
