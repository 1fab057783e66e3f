//! The client's arguments.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;

use super::manual;
use super::socket::daemon_socket;

/// What was asked for cannot be done; or it was for help.
pub(super) struct UsageError(pub(super) clap::Error);

/// What was typed.
pub(super) struct CommandLine {
    /// Where the daemon listens.
    pub(super) socket: PathBuf,
    /// How replies are written.
    pub(super) form: Form,
    /// What is to be done.
    pub(super) action: Action,
}

/// How replies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people and scripts, see [`super::plain`].
    Plain,
    /// The bytes alone.
    Raw,
    /// One line of JSON.
    Json,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// One request to the daemon, the command first.
    Ask(Vec<Vec<u8>>),
    /// Whatever standard input says.
    Converse,
    /// Explain the commands, or one of them.
    Help(Option<Vec<u8>>),
    /// Write what makes a shell complete.
    Completions(Shell),
    /// Show how the daemon is, until stopped.
    Watch(Duration),
    /// Write all pairs as JSON Lines.
    Export(Export),
    /// Read pairs from JSON Lines.
    Import(Import),
}

/// What is exported, and where to.
#[derive(Debug, PartialEq)]
pub(super) struct Export {
    /// The glob for keys.
    pub(super) pattern: Option<Vec<u8>>,
    /// Standard output if not given.
    pub(super) file: Option<PathBuf>,
}

/// What is imported, and from where.
#[derive(Debug, PartialEq)]
pub(super) struct Import {
    /// The glob for keys.
    pub(super) pattern: Option<Vec<u8>>,
    /// Keys that exist are left as they are.
    pub(super) keep: bool,
    /// Goes on where an earlier import of the file stopped.
    pub(super) resume: bool,
    /// Standard input if not given.
    pub(super) file: Option<PathBuf>,
}

impl CommandLine {
    /// Reads the arguments, the program's name first.
    pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<CommandLine, UsageError> {
        let mut matches = definition().try_get_matches_from(args).map_err(UsageError)?;
        let socket = matches.remove_one("socket").unwrap_or_else(daemon_socket);
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
            file: file(&mut matches),
        }),
        "import" => Action::Import(Import {
            pattern: matches.remove_one("match").map(bytes),
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

/// The arguments as `--help` explains them.
pub(super) fn definition() -> Command {
    Command::new("kvsock")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Asks kvsockd, the key/value service on a Unix socket")
        .override_usage(
            "kvsock [OPTIONS] COMMAND [ARGUMENT]...\n       \
             kvsock [OPTIONS]              a prompt; or requests, one a line, from a pipe",
        )
        .after_help(manual::overview())
        .allow_external_subcommands(true)
        .external_subcommand_value_parser(value_parser!(OsString))
        .disable_help_subcommand(true)
        .subcommand_help_heading("The client's own")
        .arg(
            Arg::new("socket")
                .long("socket")
                .short('s')
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Where the daemon listens [env: KVSOCK_SOCKET]"),
        )
        .arg(
            flag("raw")
                .conflicts_with("json")
                .help("Print the bytes of the reply alone, without the newline after them"),
        )
        .arg(flag("json").help("Print the reply as one line of JSON"))
        .subcommands([help(), completions(), watch(), export(), import()])
}

fn help() -> Command {
    Command::new("help")
        .about("Lists the commands, or explains one")
        .arg(Arg::new("command").value_name("COMMAND").value_parser(value_parser!(OsString)))
}

fn completions() -> Command {
    Command::new("completions").about("Writes what makes a shell complete kvsock's arguments").arg(
        Arg::new("shell")
            .required(true)
            .value_parser(
                [Shell::Bash, Shell::Zsh, Shell::Fish]
                    .map(|shell| clap::builder::PossibleValue::new(shell.to_string())),
            )
            .value_parser(shell),
    )
}

fn shell(name: &str) -> Result<Shell, String> {
    match name {
        "bash" => Ok(Shell::Bash),
        "zsh" => Ok(Shell::Zsh),
        "fish" => Ok(Shell::Fish),
        _ => Err("expected bash, zsh or fish".to_owned()),
    }
}

fn watch() -> Command {
    Command::new("watch").about("Shows live how the daemon is").arg(
        Arg::new("interval")
            .long("interval")
            .value_name("TIME")
            .default_value("1s")
            .value_parser(interval)
            .help("How often to look: 500ms, 1s, 1min"),
    )
}

/// Times are written as in the daemon's settings.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text).map_err(|error| error.to_string())?,
    };
    if interval < Duration::from_millis(10) {
        return Err("expected 10ms or more".to_owned());
    }
    Ok(interval)
}

fn export() -> Command {
    Command::new("export")
        .about("Writes all pairs, with their expiry, as JSON Lines")
        .arg(pattern("Only the keys that match the glob"))
        .arg(flag("all-users").help(
            "All key spaces, for administrators; there is one until per-user key spaces are \
             switched on",
        ))
        .arg(path("Where to; standard output if not given"))
        .after_help(
            "A line is {\"key\":...,\"value\":...,\"expires\":...}, the expiry in Unix \
             milliseconds and\nonly where there is one; bytes that are no UTF-8 stand in \
             key_base64 or value_base64.\nFILE appears when it is whole. Pairs that change \
             meanwhile are exported as they were\nbefore or after.",
        )
}

fn import() -> Command {
    Command::new("import")
        .about("Stores the pairs of an export")
        .arg(pattern("Only the keys that match the glob"))
        .arg(flag("replace").conflicts_with("keep").help("Replace keys that exist (the default)"))
        .arg(flag("keep").help("Leave keys that exist as they are"))
        .arg(flag("all-users").help(
            "All key spaces, for administrators; there is one until per-user key spaces are \
             switched on",
        ))
        .arg(flag("resume").requires("file").help(
            "Go on where an import of FILE was interrupted; standard input cannot be resumed",
        ))
        .arg(path("Where from; standard input if not given"))
        .after_help(
            "Pairs that have expired are passed over. A line that makes no sense ends the \
             import:\nwhat stands before it is stored, what follows is not. While it runs, \
             FILE.import-state\ntells how far it came; what was under way at an interruption \
             is stored once more.",
        )
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn pattern(help: &'static str) -> Arg {
    let pattern = Arg::new("match").long("match").value_name("GLOB").help(help);
    pattern.value_parser(value_parser!(OsString))
}

fn path(help: &'static str) -> Arg {
    let path = Arg::new("file").value_name("FILE").value_hint(ValueHint::FilePath).help(help);
    path.value_parser(value_parser!(PathBuf))
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
        let line = parse(&["--socket", "/s", "--raw", "set", "--key", "-1", "--json"]);
        assert_eq!(line.socket, PathBuf::from("/s"));
        assert_eq!(line.form, Form::Raw);
        let words = ["set", "--key", "-1", "--json"].map(|word| word.as_bytes().to_vec());
        assert_eq!(line.action, Action::Ask(words.to_vec()));
    }

    #[test]
    fn without_a_command_standard_input_is_listened_to() {
        assert_eq!(parse(&["--json"]).action, Action::Converse);
    }

    #[test]
    fn intervals_are_written_with_or_without_their_unit() {
        assert_eq!(interval("2"), Ok(Duration::from_secs(2)));
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        assert!(interval("0").is_err() && interval("soon").is_err());
    }

    #[test]
    fn a_dash_for_a_file_is_standard_input_or_output() {
        let export = Export { pattern: Some(b"a*".to_vec()), file: None };
        assert_eq!(parse(&["export", "--match", "a*", "-"]).action, Action::Export(export));
    }
}
