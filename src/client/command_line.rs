//! The client's arguments.

use std::ffi::OsString;
use std::fmt::Write;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use super::socket::daemon_socket;
use crate::command::{COMMANDS, Run, find};
use crate::store::Verb;

/// What was asked for cannot be sent; or it was for help.
pub(super) struct UsageError(pub(super) clap::Error);

/// A request as it was typed.
pub(super) struct CommandLine {
    /// Where the daemon listens.
    pub(super) socket: PathBuf,
    /// The command and its arguments.
    request: Vec<Vec<u8>>,
}

impl CommandLine {
    /// Reads the arguments, the program's name first.
    pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<CommandLine, UsageError> {
        let mut matches = definition().try_get_matches_from(args).map_err(UsageError)?;
        let socket = matches.remove_one("socket").unwrap_or_else(daemon_socket);
        let request = matches.remove_many::<OsString>("request").into_iter().flatten();
        let request = request.map(OsString::into_vec).collect();
        Ok(CommandLine { socket, request })
    }

    /// The words to send: a value of `-` is replaced by all of standard input.
    pub(super) fn words(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut words = self.request.clone();
        let value = self.command().and_then(|command| command.arguments.value_at);
        if let Some(word) = value.and_then(|at| words.get_mut(at + 1))
            && word == b"-"
        {
            word.clear();
            io::stdin().lock().read_to_end(word)?;
        }
        Ok(words)
    }

    /// Whether the reply is several words, which stay as the daemon writes them.
    pub(super) fn is_list(&self) -> bool {
        self.runs(Verb::Keys) || self.runs(Verb::Last)
    }

    /// Whether the reply 0 means that there is no such key.
    pub(super) fn is_test(&self) -> bool {
        self.runs(Verb::Exists)
    }

    fn runs(&self, verb: Verb) -> bool {
        self.command().is_some_and(|command| command.run == Run::Store(verb))
    }

    fn command(&self) -> Option<&'static crate::command::Command> {
        find(self.request.first()?)
    }
}

/// The arguments as `--help` explains them.
pub(super) fn definition() -> Command {
    Command::new("kvsock")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Asks kvsockd, the key/value service on a Unix socket")
        .override_usage("kvsock [--socket PATH] COMMAND [ARGUMENT]...")
        .after_help(after_help())
        .arg(
            Arg::new("socket")
                .long("socket")
                .short('s')
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .help("Where the daemon listens [env: KVSOCK_SOCKET]"),
        )
        .arg(
            Arg::new("request")
                .value_name("COMMAND")
                .help("The command and its arguments; a value of - is read from standard input")
                .value_parser(value_parser!(OsString))
                .action(ArgAction::Append)
                .num_args(1..)
                .required(true)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

fn after_help() -> String {
    let usage = |command: &crate::command::Command| [command.name, command.synopsis].join(" ");
    let width = COMMANDS.iter().map(|command| usage(command).len()).max().unwrap_or(0);
    let mut text = "Commands:\n".to_owned();
    for command in COMMANDS {
        writeln!(text, "  {:width$}  {}", usage(command), command.summary)
            .expect("a String takes every write");
    }
    text + "\nExit status: 0 done or found, 1 there is no such key, 2 error (see standard error).\n\
            A value is printed byte for byte, with a newline after it."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> CommandLine {
        let args = std::iter::once("kvsock").chain(args.iter().copied());
        CommandLine::parse(args.map(OsString::from)).unwrap_or_else(|error| panic!("{}", error.0))
    }

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn what_follows_the_command_is_the_requests_even_if_it_looks_like_a_flag() {
        let line = parse(&["--socket", "/s", "set", "--key", "-1"]);
        assert_eq!(line.socket, PathBuf::from("/s"));
        assert_eq!(line.request, [b"set".to_vec(), b"--key".to_vec(), b"-1".to_vec()]);
    }

    #[test]
    fn lists_and_tests_are_known_by_the_table() {
        assert!(parse(&["KEYS"]).is_list());
        assert!(!parse(&["get", "keys"]).is_list());
        assert!(parse(&["exists", "a"]).is_test());
        assert!(!parse(&["nonsense"]).is_test());
    }
}
