//! Commands, out of their table.

use super::roff::{bold, sentence, synopsis, tagged};
use crate::command::{COMMANDS, Command, Group, Run, Who};

/// The groups by the names that the templates have for them.
const GROUPS: [(&str, Group); 6] = [
    ("string", Group::String),
    ("key", Group::Key),
    ("transaction", Group::Transaction),
    ("connection", Group::Connection),
    ("server", Group::Server),
    ("own", Group::Own),
];

/// The commands of the group of this name, each with its subcommands after it.
pub(super) fn group(name: &str) -> Option<String> {
    let (_, group) = GROUPS.iter().find(|(known, _)| *known == name)?;
    let commands = COMMANDS.iter().filter(|command| command.group == *group);
    Some(commands.map(with_subcommands).collect())
}

fn with_subcommands(command: &Command) -> String {
    match command.run {
        Run::Container(rows) => entry(command) + &rows.iter().map(entry).collect::<String>(),
        _ => entry(command),
    }
}

fn entry(command: &Command) -> String {
    let tag = format!("{} {}", bold(command.full_name), synopsis(command.synopsis));
    let who = match command.who {
        Who::Everyone => "",
        Who::Administrators => "\nFor administrators.",
        Who::OwnersOfKeys => "\nFor administrators, unless users have keys of their own.",
        Who::Scripts => "\nFor those whom \\fBKVSOCK_SCRIPTS\\fR names.",
    };
    let in_text = command.synopsis_in_text();
    let as_text = if in_text == command.synopsis {
        String::new()
    } else {
        format!("\nAs text: {} {}.", bold(command.full_name), synopsis(in_text))
    };
    tagged(tag.trim_end(), &format!("{}{who}{as_text}", sentence(command.summary)))
}
