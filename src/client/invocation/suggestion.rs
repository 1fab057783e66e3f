//! Suggestions for mistyped commands.

use crate::command::{COMMANDS, Own, find};
use crate::message::Reply;

/// An error text for people: an unknown command gets a suggestion. `help` is the command that lists
/// all commands.
pub(crate) fn explain(error: &str, name: &[u8], help: &str) -> String {
    if find(name).is_some() || !error.starts_with("unknown command") {
        return error.to_owned();
    }
    let shown = name.escape_ascii();
    match nearest(&String::from_utf8_lossy(name).to_lowercase()) {
        Some(meant) => format!("unknown command \"{shown}\"; did you mean \"{meant}\"?"),
        None => format!("unknown command \"{shown}\"; try \"{help}\"."),
    }
}

/// The problem with the number of `args`, if any, by the table.
pub(crate) fn misuse(name: &[u8], args: usize) -> Option<String> {
    let command = find(name)?;
    if command.arguments.admit(args, false) {
        return None;
    }
    Some(format!("\"{}\" command {}", command.name, command.arguments.rule))
}

/// An argument that people may omit, though RESP may not: `keys` without a pattern lists all.
pub(crate) fn default_argument(name: &[u8], args: usize) -> Option<&'static [u8]> {
    let lists_keys = find(name).is_some_and(|command| command.spec.own == Own::Keys);
    (lists_keys && args == 0).then_some(b"*")
}

/// The text of an error reply.
pub(crate) fn error_of(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Error(error) => Some(error.to_string()),
        _ => None,
    }
}

/// The command that is the fewest edits away from `name`, at most one in three letters; among
/// equals, the one with the longest common beginning.
fn nearest(name: &str) -> Option<&'static str> {
    let slips = |command: &str| strsim::damerau_levenshtein(name, command);
    let likeness = |command: &str| strsim::jaro_winkler(name, command);
    COMMANDS
        .iter()
        .map(|command| command.name)
        .filter(|command| slips(command) <= name.len().div_ceil(3))
        .min_by(|one, other| {
            let by_likeness = likeness(other).total_cmp(&likeness(one));
            slips(one).cmp(&slips(other)).then(by_likeness)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_command_comes_with_a_suggestion() {
        let error = "unknown command 'gte', with args beginning with: ";
        let explained = |name: &str| explain(error, name.as_bytes(), "help");
        assert_eq!(explained("GTE"), "unknown command \"GTE\"; did you mean \"get\"?");
        assert_eq!(explained("exsits"), "unknown command \"exsits\"; did you mean \"exists\"?");
        assert_eq!(explained("frob"), "unknown command \"frob\"; try \"help\".");
        assert_eq!(explained("get"), error);
    }

    #[test]
    fn a_wrong_number_of_arguments_is_told_by_the_table() {
        assert_eq!(misuse(b"GET", 0).as_deref(), Some("\"get\" command requires a key."));
        assert_eq!(misuse(b"get", 1), None);
        assert_eq!(misuse(b"unheard-of", 7), None);
    }
}
