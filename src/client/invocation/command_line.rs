//! The client's parsed arguments.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap_complete::Shell;

use super::definition::definition;
use crate::client::channel::socket::DaemonSocket;

/// An error in the arguments, or a request for help.
pub(crate) struct UsageError(pub(crate) clap::Error);

/// The parsed command line.
pub(crate) struct CommandLine {
    /// The daemon's socket.
    pub(crate) socket: DaemonSocket,
    /// The form of replies.
    pub(crate) form: Form,
    /// The action.
    pub(crate) action: Action,
}

/// The forms of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The form for people and scripts, see [`crate::client::output::plain`].
    Plain,
    /// The bytes alone, unquoted.
    Raw,
    /// One line of JSON.
    Json,
}

/// The actions of the program.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Send one request to the daemon; the command is the first word.
    Ask(Vec<Vec<u8>>),
    /// Send the requests of standard input.
    Converse,
    /// Explain the commands, or one of them.
    Help(Option<Vec<u8>>),
    /// Write a shell's completions.
    Completions(Shell),
    /// Show the daemon's state until stopped.
    Watch(Duration),
    /// Write all pairs as JSON Lines.
    Export(Export),
    /// Read pairs from JSON Lines.
    Import(Import),
}

/// The options of an export.
#[derive(Debug, PartialEq)]
pub(crate) struct Export {
    /// The glob for keys.
    pub(crate) pattern: Option<Vec<u8>>,
    /// Whether the keys of all users are meant instead of the caller's own.
    pub(crate) all_users: bool,
    /// The file to write; standard output if none.
    pub(crate) file: Option<PathBuf>,
}

/// The options of an import.
#[derive(Debug, PartialEq)]
pub(crate) struct Import {
    /// The glob for keys.
    pub(crate) pattern: Option<Vec<u8>>,
    /// Whether the keys of all users are meant instead of the caller's own.
    pub(crate) all_users: bool,
    /// Whether existing keys stay unchanged.
    pub(crate) keep: bool,
    /// Whether to resume an earlier import of the file.
    pub(crate) resume: bool,
    /// The file to read; standard input if none.
    pub(crate) file: Option<PathBuf>,
}

impl CommandLine {
    /// Reads the arguments, the program's name first.
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<CommandLine, UsageError> {
        let mut matches = definition().try_get_matches_from(args).map_err(UsageError)?;
        let socket = DaemonSocket::find(matches.remove_one("socket"));
        let form = match (matches.get_flag("raw"), matches.get_flag("json")) {
            (true, _) => Form::Raw,
            (_, true) => Form::Json,
            _ => Form::Plain,
        };
        let action = match matches.remove_subcommand() {
            None => Action::Converse,
            Some((name, matches)) => action(name, matches),
        };
        Ok(CommandLine { socket, form, action })
    }
}

fn action(name: String, mut matches: ArgMatches) -> Action {
    let bytes = |word: OsString| word.into_vec();
    match name.as_str() {
        "help" => Action::Help(matches.remove_one("command").map(bytes)),
        "completions" => {
            Action::Completions(matches.remove_one("shell").expect("clap requires a shell"))
        }
        "watch" => Action::Watch(*matches.get_one("interval").expect("clap has a default")),
        "export" => Action::Export(Export {
            pattern: matches.remove_one("match").map(bytes),
            all_users: matches.get_flag("all-users"),
            file: file(&mut matches),
        }),
        "import" => Action::Import(Import {
            pattern: matches.remove_one("match").map(bytes),
            all_users: matches.get_flag("all-users"),
            keep: matches.get_flag("keep"),
            resume: matches.get_flag("resume"),
            file: file(&mut matches),
        }),
        _ => {
            let args = matches.remove_many::<OsString>("").into_iter().flatten();
            Action::Ask(std::iter::once(name.into_bytes()).chain(args.map(bytes)).collect())
        }
    }
}

fn file(matches: &mut ArgMatches) -> Option<PathBuf> {
    matches.remove_one::<PathBuf>("file").filter(|file| file.as_os_str() != "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> CommandLine {
        let args = std::iter::once("kvsock").chain(args.iter().copied());
        CommandLine::parse(args.map(OsString::from)).unwrap_or_else(|error| panic!("{}", error.0))
    }

    #[test]
    fn what_follows_the_command_is_the_requests_even_if_it_looks_like_a_flag() {
        let line = parse(&["--socket", "/s", "--raw", "set", "--key", "-1", "--json"]);
        assert_eq!(line.socket, DaemonSocket::find(Some("/s".into())));
        assert_eq!(line.form, Form::Raw);
        let words = ["set", "--key", "-1", "--json"].map(|word| word.as_bytes().to_vec());
        assert_eq!(line.action, Action::Ask(words.to_vec()));
    }

    #[test]
    fn without_a_command_standard_input_is_listened_to() {
        assert_eq!(parse(&["--json"]).action, Action::Converse);
    }

    #[test]
    fn a_dash_for_a_file_is_standard_input_or_output() {
        let export = Export { pattern: Some(b"a*".to_vec()), all_users: false, file: None };
        assert_eq!(parse(&["export", "--match", "a*", "-"]).action, Action::Export(export));
    }
}
