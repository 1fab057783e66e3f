//! The `kvsock` command: one request to the daemon, its reply to standard output.

mod command_line;
mod error;
mod exchange;
mod socket;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use self::command_line::{CommandLine, UsageError};
use self::error::ClientError;
use self::exchange::exchange;
use crate::protocol::text::ReplyLine;

/// There is no such key.
const NOT_FOUND: u8 = 1;
/// The request failed, or never reached the daemon.
const FAILED: u8 = 2;

/// Runs the command; the exit status is 0, or 1 where the key does not exist, or 2 for an error,
/// which standard error tells.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let line = match CommandLine::parse(args) {
        Ok(line) => line,
        Err(UsageError(error)) => {
            // What was asked for, help or version, goes to standard output and is no error.
            let asked_for = !error.use_stderr();
            let _ = error.print();
            return if asked_for { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
        }
    };
    match ask(&line) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kvsock: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn ask(line: &CommandLine) -> Result<ExitCode, ClientError> {
    let words = line.words().map_err(ClientError::Input)?;
    match exchange(&line.socket, &words, line.is_list())? {
        ReplyLine::Nil => Ok(ExitCode::from(NOT_FOUND)),
        ReplyLine::Error(text) => {
            eprintln!("kvsock: {}", String::from_utf8_lossy(&text));
            Ok(ExitCode::from(FAILED))
        }
        ReplyLine::Value(value) => {
            print(&value).map_err(ClientError::Output)?;
            let missing = line.is_test() && &value[..] == b"0";
            Ok(if missing { ExitCode::from(NOT_FOUND) } else { ExitCode::SUCCESS })
        }
    }
}

fn print(value: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(value)?;
    out.write_all(b"\n")?;
    out.flush()
}
