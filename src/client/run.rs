//! The execution of the command line.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::error::ClientError;
use super::invocation::command_line::{Action, CommandLine, Form, UsageError};
use super::invocation::suggestion::explain;
use super::invocation::{completions, manual};
use super::status::{BROKEN_PIPE, FAILED, INTERRUPTED};
use super::transfer::{export, import};
use super::{one_shot, pipe, prompt, watch};

/// Runs the command and returns its exit status: 0, 1 if the key does not exist, or 2 for an error,
/// which is printed on standard error; 130 after Ctrl-C, and 141 if the reader of its output is
/// gone.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let line = match CommandLine::parse(args) {
        Ok(line) => line,
        Err(UsageError(error)) => {
            // Help and the version were asked for: they go to standard output and are no error.
            let asked_for = !error.use_stderr();
            let _ = error.print();
            return if asked_for { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
        }
    };
    act(line).unwrap_or_else(|error| match error {
        error if error.is_broken_pipe() => ExitCode::from(BROKEN_PIPE),
        ClientError::Interrupted => ExitCode::from(INTERRUPTED),
        error => {
            eprintln!("kvsock: {error}");
            ExitCode::from(FAILED)
        }
    })
}

fn act(line: CommandLine) -> Result<ExitCode, ClientError> {
    let CommandLine { socket, form, action } = line;
    match action {
        Action::Ask(words) => one_shot::ask(&socket, words, form),
        Action::Converse if io::stdin().is_terminal() => prompt::run(&socket, form),
        Action::Converse if form != Form::Plain => Err(ClientError::PipeForm),
        Action::Converse => pipe::run(&socket),
        Action::Help(name) => help(name.as_deref()),
        Action::Completions(shell) => {
            completions::write_completions(shell)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Watch(interval) => watch::run(&socket, interval),
        Action::Export(asked) => export::export(&socket, &asked),
        Action::Import(asked) => import::import(&socket, &asked),
    }
}

fn help(name: Option<&[u8]>) -> Result<ExitCode, ClientError> {
    let text = match name {
        None => manual::list(),
        Some(name) => match manual::page(name) {
            Some(page) => page,
            None => {
                return Err(ClientError::Refused(explain("unknown command", name, "kvsock help")));
            }
        },
    };
    writeln!(io::stdout().lock(), "{text}").map_err(ClientError::Output)?;
    Ok(ExitCode::SUCCESS)
}
