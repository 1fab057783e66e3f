//! The definition of the client's arguments, for `--help` and the shells' completions.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};
use clap_complete::Shell;

use super::manual;

/// The program's name.
pub(crate) const PROGRAM: &str = "kvsock";

/// The shells with completions.
pub const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// The definition, without the daemon's commands: any other word is one of those.
pub fn definition() -> Command {
    Command::new(PROGRAM)
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
    let names = PossibleValuesParser::new(SHELLS.map(|shell| shell.to_string()));
    let shell = names.map(|name| name.parse::<Shell>().expect("it is one of the three"));
    Command::new("completions")
        .about("Writes what makes a shell complete kvsock's arguments")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(shell))
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

/// A time, in the form of the daemon's settings.
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
        .arg(flag("all-users").help("The keys of all users, for administrators"))
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
        .arg(flag("all-users").help("The keys of all users, for administrators"))
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

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn intervals_are_written_with_or_without_their_unit() {
        assert_eq!(interval("2"), Ok(Duration::from_secs(2)));
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        assert!(interval("0").is_err() && interval("soon").is_err());
    }
}
