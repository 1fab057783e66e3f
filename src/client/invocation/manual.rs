//! The client's help on commands, taken from the table of commands.

use std::fmt::Write;

use crate::command::{COMMANDS, Command, Group, Run, Who, find};

/// The groups in the order they are shown, with their titles.
const GROUPS: [(Group, &str); 6] = [
    (Group::String, "Values"),
    (Group::Key, "Keys"),
    (Group::Own, "kvsock's own"),
    (Group::Transaction, "Transactions and scripts"),
    (Group::Server, "Service"),
    (Group::Connection, "Connection"),
];

/// The widest synopsis in columns. After a wider one, the summary begins on the next line.
const SYNOPSIS_WIDTH: usize = 30;
/// The widest line of a summary in columns, so that all text fits into 80.
const SUMMARY_WIDTH: usize = 46;

/// The text below the options of `kvsock --help`.
pub(crate) fn overview() -> String {
    list()
        + "\n\nExit status: 0 done or found, 1 there is no such key, 2 error (see standard \
              error).\nA value of - is read from standard input. A value is printed byte for \
              byte, with a newline\nafter it; a list with one element on each line, quoted where \
              it could be mistaken."
}

/// All commands by group, without a line end.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for (group, title) in GROUPS {
        if !text.is_empty() {
            text.push('\n');
        }
        writeln!(text, "{title}:").expect("a String takes every write");
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            push_row(&mut text, command);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Usage and summary of one command and its subcommands, without a line end.
pub(crate) fn page(name: &[u8]) -> Option<String> {
    let command = find(name)?;
    let mut text = format!("{}\n  {}", usage(command), command.summary);
    if let Some(note) = who(command) {
        text.push_str(note);
    }
    if let Run::Container(rows) = command.run {
        text.push('\n');
        for row in rows {
            push_row(&mut text, row);
        }
    }
    text.truncate(text.trim_end().len());
    Some(text)
}

/// The command with its arguments.
fn usage(command: &Command) -> String {
    [command.full_name, command.synopsis].join(" ").trim_end().to_owned()
}

fn push_row(text: &mut String, command: &Command) {
    let usage = usage(command);
    let summary = format!("{}{}", command.summary, who(command).unwrap_or(""));
    let mut left = usage.as_str();
    if usage.len() > SYNOPSIS_WIDTH {
        push_line(text, &usage, "");
        left = "";
    }
    for line in wrapped(&summary) {
        push_line(text, left, &line);
        left = "";
    }
}

fn push_line(text: &mut String, left: &str, right: &str) {
    let line = format!("  {left:SYNOPSIS_WIDTH$}  {right}");
    text.push_str(line.trim_end());
    text.push('\n');
}

/// The lines of `text` beside the synopses.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one from the start");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= SUMMARY_WIDTH {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn who(command: &Command) -> Option<&'static str> {
    match command.who {
        Who::Everyone => None,
        Who::Administrators => Some(" (for administrators)"),
        Who::Scripts => Some(" (for those who may run scripts)"),
        Who::OwnersOfKeys => Some(" (for administrators, unless users have keys of their own)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_once_and_has_a_page() {
        let list = list();
        for command in COMMANDS {
            let row = format!("  {}", usage(command));
            let rows = list.lines().filter(|line| {
                line.strip_prefix(&row)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("  "))
            });
            assert_eq!(rows.count(), 1, "{}", command.name);
            let page = page(command.name.as_bytes()).unwrap();
            assert!(page.contains(command.summary), "{page}");
        }
        assert!(page(b"frob").is_none());
    }
}
