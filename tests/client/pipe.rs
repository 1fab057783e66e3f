//! Requests from a pipe, one a line.

use std::io::{Read, Write};
use std::process::Stdio;

use crate::program::{assert_output, command, with_input};
use crate::support::daemon::Daemon;

#[test]
fn every_request_of_a_pipe_gets_its_line() {
    let daemon = Daemon::start(&[]);
    let requests = b"set motd hello   world\r\nget motd\n\n \t\nget missing\nset e \"a\\nb\"\n\
                     get e\nkeys\n*\n";
    let output = with_input(&daemon, &[], requests);
    let replies = "OK\nhello   world\n(nil)\nOK\n\"a\\nb\"\ne motd\n\
                   ERROR: unknown command \"*\"; try \"help\".\n";
    assert_output(&output, 2, replies, "");
    assert_output(&with_input(&daemon, &[], b"ping\nquit\n"), 0, "pong\nBYE\n", "");
    assert_output(&with_input(&daemon, &[], b""), 0, "", "");
    let why =
        "kvsock: a pipe's replies are lines of text: --raw and --json are for single requests\n";
    assert_output(&with_input(&daemon, &["--json"], b"ping\n"), 2, "", why);
}

#[test]
fn a_failed_request_is_told_by_the_exit_status_and_the_rest_is_carried_out() {
    let daemon = Daemon::start(&[]);
    let output = with_input(&daemon, &[], b"set a x\nincr a\nset b ERROR: y\nget b\n");
    let error = "ERROR: value is not an integer or out of range";
    assert_output(&output, 2, &format!("OK\n{error}\nOK\n\"ERROR: y\"\n"), "");
    let output = with_input(&daemon, &[], b"get b\nget b");
    assert_output(&output, 2, "\"ERROR: y\"\nERROR: request not ended by a newline\n", "");
}

#[test]
fn large_requests_and_replies_pass_each_other() {
    let daemon = Daemon::start(&[("SYNC", "no")]);
    let value = "x".repeat(100_000);
    let requests = (0..300).map(|n| format!("set k{n} {value}\nget k{n}\n"));
    let output = with_input(&daemon, &[], requests.collect::<String>().as_bytes());
    assert_output(&output, 0, &format!("OK\n{value}\n").repeat(300), "");
}

#[test]
fn requests_after_the_daemons_end_are_reported() {
    let daemon = Daemon::start(&[]);
    let output = with_input(&daemon, &[], b"ping\nquit\nping\nping\n");
    let why = "kvsock: the daemon closed the connection; 2 of 4 requests were answered\n";
    assert_output(&output, 2, "pong\nBYE\n", why);
}

#[test]
fn a_daemon_that_dies_under_a_pipe_is_an_error() {
    let mut daemon = Daemon::start(&[]);
    let mut child = command(&daemon).stdin(Stdio::piped()).spawn().expect("kvsock starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"set a 1\n").expect("it reads");
    let mut reply = [0; 3];
    child.stdout.as_mut().expect("piped").read_exact(&mut reply).expect("it writes");
    assert_eq!(&reply, b"OK\n");
    daemon.kill();
    let output = child.wait_with_output().expect("it ends");
    let why = "kvsock: the daemon closed the connection before the end of the input\n";
    assert_output(&output, 2, "", why);
    drop(input);
}
