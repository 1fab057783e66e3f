//! The daemon's command line, built from the table of settings.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use super::given::Given;
use crate::config::fault::Origin;
use crate::config::table::SETTINGS;

const CHECK: &str = "check";
/// What `--check` checks, the settings alone where it says nothing.
const CHECK_SETTINGS: &str = "settings";
const CHECK_STORE: &str = "store";
const RELOAD: &str = "reload";

const AFTER_HELP: &str = "\
Each setting is also the environment variable of its name, KVSOCK_MAX_CLIENTS for --max-clients; \
a flag overrides the variable. Sizes and times have units; a bare number is bytes or seconds.

User name, password and certificates of the store come from the systemd credentials \
store-username, store-password, store-ca.pem, store-cert.pem and store-key.pem, or from \
KVSOCK_STORE_USERNAME and KVSOCK_STORE_PASSWORD.";

/// The modes of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Serve clients.
    Serve,
    /// Check the settings, print those in effect, and exit (`--check`).
    Check,
    /// Check the settings and the store, print what was found, and exit (`--check=store`).
    CheckStore,
    /// Hand the settings to the running daemon with [`send`](crate::config::reload::send), and exit (`--reload`).
    Reload,
}

/// The command line of `kvsockd`, from which its help and man page are made.
pub fn command() -> Command {
    let settings = SETTINGS.iter().filter_map(|setting| {
        let default = match setting.default {
            "" => String::new(),
            text => format!(" [default: {text}]"),
        };
        let arg = Arg::new(setting.name)
            .long(setting.flag()?)
            .value_name(setting.value)
            .help(format!("{}{default}", setting.help));
        Some(arg.help_heading("Settings"))
    });
    Command::new("kvsockd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A key/value service on a Unix socket, made for systemd")
        .arg(
            Arg::new(CHECK)
                .long(CHECK)
                .value_name("WHAT")
                .num_args(0..=1)
                .require_equals(true)
                .value_parser([CHECK_SETTINGS, CHECK_STORE])
                .default_missing_value(CHECK_SETTINGS)
                .help(
                    "Check the settings, print those in effect, and exit; with \"store\" also look \
                     at the store, without changing it, and print what it is",
                ),
        )
        .arg(Arg::new(RELOAD).long(RELOAD).action(ArgAction::SetTrue).help(
            "Check the settings and hand those that can change to the running daemon; for \
             ExecReload=",
        ))
        .group(ArgGroup::new("mode").args([CHECK, RELOAD]))
        .args(settings)
        .after_help(AFTER_HELP)
}

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<ArgMatches, clap::Error> {
    command().try_get_matches_from(args)
}

/// The mode that the flags select.
pub(crate) fn mode(matches: &ArgMatches) -> Mode {
    match matches.get_one::<String>(CHECK).map(String::as_str) {
        Some(CHECK_STORE) => Mode::CheckStore,
        Some(_) => Mode::Check,
        None if matches.get_flag(RELOAD) => Mode::Reload,
        None => Mode::Serve,
    }
}

/// Replaces given values by those of flags.
pub(crate) fn read_flags(matches: &ArgMatches, given: &mut Given) {
    for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
        if let Some(text) = matches.get_one::<String>(setting.name) {
            given.set(setting.name, text.clone(), Origin::Flag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_version_is_one_line() {
        assert_eq!(
            command().render_version(),
            concat!("kvsockd ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }

    #[test]
    fn no_secret_has_a_flag() {
        let help = command().render_help().to_string();
        assert!(help.contains("--store-password-file"));
        assert!(!help.contains("--store-password "), "{help}");
        assert!(!help.contains("--store-username"), "{help}");
    }
}
