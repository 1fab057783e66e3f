//! What the user may choose.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, Command, value_parser};

#[derive(Debug)]
pub(crate) struct Options {
    /// Few requests and few rows, whose figures mean nothing.
    pub(crate) short: bool,
    only: Option<String>,
    rounds: Option<u16>,
    /// How long a sample is to take.
    pub(crate) time: Duration,
    pub(crate) output: PathBuf,
    /// Where `kvsockd` and `kvsock` are.
    pub(crate) programs: PathBuf,
}

impl Options {
    /// From the arguments of this process; ends it where they are wrong.
    pub(crate) fn parse() -> Options {
        let mut given = definition().get_matches();
        Options {
            short: given.get_flag("short"),
            only: given.remove_one("only"),
            rounds: given.remove_one("rounds"),
            time: given.remove_one("time").expect("it has a default"),
            output: given.remove_one("output").expect("it has a default"),
            programs: given.remove_one("programs").unwrap_or_else(built),
        }
    }

    /// Samples of each server in each row.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.map_or(if self.short { 2 } else { 5 }, usize::from)
    }

    /// Whether a row of this title is asked for.
    pub(crate) fn wants(&self, title: &str) -> bool {
        self.only.as_ref().is_none_or(|only| title.contains(only))
    }
}

/// Where cargo has put the programs that it built with this one.
fn built() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_kvsockd")).parent().expect("it is in a directory").to_owned()
}

fn definition() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("cargo bench --bench compare --")
        .about("Compares kvsock with talking to Valkey directly, and with other proxies")
        .arg(Arg::new("short").long("short").action(ArgAction::SetTrue).help(
            "Few requests and few rows: shows that the harness is right, and measures nothing",
        ))
        .arg(option("only", "TEXT", "Only rows whose title holds this text"))
        .arg(
            option("rounds", "COUNT", "Samples of each server in each row [default: 5; short: 2]")
                .value_parser(value_parser!(u16).range(1..)),
        )
        .arg(
            option("time", "TIME", "How long a sample is to take")
                .value_parser(humantime::parse_duration)
                .default_value("500ms"),
        )
        .arg(
            option("output", "DIRECTORY", "Where the table, the plot and the samples go")
                .value_parser(value_parser!(PathBuf))
                .default_value("target/benchmark"),
        )
        .arg(
            option("programs", "DIRECTORY", "Where kvsockd and kvsock are [default: just built]")
                .value_parser(value_parser!(PathBuf)),
        )
        // Given by cargo.
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
}
