//! Runs `kvsock`, and looks at what came of it.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use crate::support::daemon::Daemon;

/// The command for this daemon, without arguments yet.
pub(crate) fn command(daemon: &Daemon) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvsock"));
    command.arg("--socket").arg(daemon.socket()).env_remove("KVSOCK_SOCKET");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with these arguments.
pub(crate) fn kvsock(daemon: &Daemon, args: &[&str]) -> Output {
    command(daemon).args(args).output().expect("kvsock starts")
}

/// Runs it with these arguments and this standard input.
pub(crate) fn with_input(daemon: &Daemon, args: &[&str], input: &[u8]) -> Output {
    let mut child = command(daemon).args(args).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    // Written beside the reading, or both ends would wait for each other.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // One that ends early does not read all of it.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("it ends")
    })
}

/// Starts it with these arguments.
pub(crate) fn start(daemon: &Daemon, args: &[&str]) -> Child {
    command(daemon).args(args).spawn().expect("kvsock starts")
}

/// Checks all that a program has to say.
#[track_caller]
pub(crate) fn assert_output(output: &Output, status: i32, stdout: &str, stderr: &str) {
    assert_eq!(
        (
            output.status.code(),
            &*String::from_utf8_lossy(&output.stdout),
            &*String::from_utf8_lossy(&output.stderr)
        ),
        (Some(status), stdout, stderr)
    );
}
