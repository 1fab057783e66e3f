//! The client, see [`kvsock::client`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kvsock::client::run(std::env::args_os())
}
