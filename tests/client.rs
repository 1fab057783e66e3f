//! The `kvsock` command as a shell script uses it.

mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use support::daemon::Daemon;

fn kvsock(daemon: &Daemon, args: &[&str]) -> Output {
    with_input(daemon, args, b"")
}

fn with_input(daemon: &Daemon, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kvsock"))
        .arg("--socket")
        .arg(daemon.socket())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kvsock starts");
    child.stdin.take().expect("piped").write_all(input).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn assert_output(output: &Output, status: i32, stdout: &str, stderr: &str) {
    assert_eq!(
        (
            output.status.code(),
            &*String::from_utf8_lossy(&output.stdout),
            &*String::from_utf8_lossy(&output.stderr)
        ),
        (Some(status), stdout, stderr)
    );
}

#[test]
fn the_exit_status_tells_found_missing_and_error() {
    let daemon = Daemon::start(&[]);
    assert_output(&kvsock(&daemon, &["set", "motd", "hello   world"]), 0, "OK\n", "");
    assert_output(&kvsock(&daemon, &["get", "motd"]), 0, "hello   world\n", "");
    assert_output(&kvsock(&daemon, &["GET", "missing"]), 1, "", "");
    assert_output(&kvsock(&daemon, &["exists", "motd"]), 0, "1\n", "");
    assert_output(&kvsock(&daemon, &["exists", "missing"]), 1, "0\n", "");
    let not_integer = "kvsock: value is not an integer or out of range\n";
    assert_output(&kvsock(&daemon, &["incr", "motd"]), 2, "", not_integer);
    let unknown = "kvsock: unknown command \"frob\"; try \"help\".\n";
    assert_output(&kvsock(&daemon, &["frob"]), 2, "", unknown);
    let arity = "kvsock: \"set\" command requires a key and a value.\n";
    assert_output(&kvsock(&daemon, &["set", "a", "b", "c"]), 2, "", arity);
}

#[test]
fn a_value_of_every_byte_comes_in_by_standard_input_and_out_again() {
    let daemon = Daemon::start(&[]);
    let mut value: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    assert_output(&with_input(&daemon, &["set", "k\n", "-"], &value), 0, "OK\n", "");
    let output = kvsock(&daemon, &["get", "k\n"]);
    value.push(b'\n');
    assert!(output.stdout == value, "{} bytes of {}", output.stdout.len(), value.len());
    assert_output(&with_input(&daemon, &["setex", "e", "100", "-"], b""), 0, "OK\n", "");
    assert_output(&kvsock(&daemon, &["get", "e"]), 0, "\n", "");
    // Elsewhere a - is a word like others.
    assert_output(&kvsock(&daemon, &["get", "-"]), 1, "", "");
}

#[test]
fn every_command_of_the_table_is_there() {
    let daemon = Daemon::start(&[]);
    for (args, stdout) in [
        (&["ping"][..], "pong\n"),
        (&["pingdb"], "PONG\n"),
        (&["set", "a", "1"], "OK\n"),
        (&["incr", "a"], "2\n"),
        (&["decr", "a"], "1\n"),
        (&["set", "b c", "(nil)"], "OK\n"),
        (&["get", "b c"], "(nil)\n"),
        (&["keys"], "a \"b c\"\n"),
        (&["last", "2"], "a:1 \"b c\":\"(nil)\"\n"),
        (&["dbsize"], "2\n"),
        (&["expire", "a", "100"], "1\n"),
        (&["ttl", "a"], "100\n"),
        (&["persist", "a"], "1\n"),
        (&["save"], "OK\n"),
        (&["remove", "a", "b c"], "2\n"),
        (&["keys"], "\n"),
        (&["cleardb"], "OK\n"),
        (&["version"], concat!("v", env!("CARGO_PKG_VERSION"), "\n")),
        (&["quit"], "BYE\n"),
    ] {
        assert_output(&kvsock(&daemon, args), 0, stdout, "");
    }
    assert_eq!(kvsock(&daemon, &["txkey"]).stdout.len(), 12 + 1);
    assert_eq!(kvsock(&daemon, &["rtkey"]).stdout.len(), 16 + 1);
    assert!(kvsock(&daemon, &["status"]).stdout.starts_with(b"DB Size: 0, "));
    assert!(kvsock(&daemon, &["help"]).stdout.starts_with(b"cleardb dbsize "));
    let mut daemon = daemon;
    assert_output(&kvsock(&daemon, &["shutdown"]), 0, "Shutting down server...\n", "");
    assert!(daemon.wait().success());
}

#[test]
fn a_daemon_that_is_not_there_is_an_error_that_names_the_socket() {
    let daemon = Daemon::stopped(&[]);
    let output = kvsock(&daemon, &["ping"]);
    let error = format!(
        "kvsock: cannot connect to {}: No such file or directory (os error 2)\n",
        daemon.socket().display()
    );
    assert_output(&output, 2, "", &error);
    assert_eq!(kvsock(&daemon, &[]).status.code(), Some(2));
    assert!(kvsock(&daemon, &["--help"]).status.success());
}
