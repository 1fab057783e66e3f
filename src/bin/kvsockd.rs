//! The daemon, see [`kvsock::daemon`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kvsock::daemon::run(std::env::args_os(), std::env::vars_os())
}
