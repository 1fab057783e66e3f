//! One request: its reply, and the exit status that tells of it.

use std::io::Read;

use crate::program::{assert_output, kvsock, start, with_input};
use crate::support::daemon::Daemon;

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
    let unknown = "kvsock: unknown command \"frob\"; try \"kvsock help\".\n";
    assert_output(&kvsock(&daemon, &["frob"]), 2, "", unknown);
    let slip = "kvsock: unknown command \"exsits\"; did you mean \"exists\"?\n";
    assert_output(&kvsock(&daemon, &["exsits", "a"]), 2, "", slip);
    let arity = "kvsock: \"set\" command requires a key and a value.\n";
    assert_output(&kvsock(&daemon, &["set", "a"]), 2, "", arity);
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
        (&["ping"][..], "PONG\n"),
        (&["pingdb"], "PONG\n"),
        (&["set", "a", "1"], "OK\n"),
        (&["incr", "a"], "2\n"),
        (&["decr", "a"], "1\n"),
        (&["set", "b c", "(nil)"], "OK\n"),
        (&["get", "b c"], "(nil)\n"),
        (&["keys"], "a\nb c\n"),
        (&["last", "2"], "a\t1\nb c\t\"(nil)\"\n"),
        (&["dbsize"], "2\n"),
        (&["expireat", "a", "99999999999"], "1\n"),
        (&["expiretime", "a"], "99999999999\n"),
        (&["persist", "a"], "1\n"),
        (&["save"], "OK\n"),
        (&["remove", "a", "b c"], "2\n"),
        (&["keys"], ""),
        (&["cleardb"], "OK\n"),
        (&["version"], concat!("v", env!("CARGO_PKG_VERSION"), "\n")),
        (&["quit"], "OK\n"),
    ] {
        assert_output(&kvsock(&daemon, args), 0, stdout, "");
    }
    assert_eq!(kvsock(&daemon, &["txkey"]).stdout.len(), 12 + 1);
    assert_eq!(kvsock(&daemon, &["rtkey"]).stdout.len(), 16 + 1);
    assert!(kvsock(&daemon, &["status"]).stdout.starts_with(b"DB Size: 0, "));
    assert!(kvsock(&daemon, &["help"]).stdout.starts_with(b"Values:\n"));
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
    assert_output(&with_input(&daemon, &[], b"ping\n"), 2, "", &error);
    assert_output(&kvsock(&daemon, &["export"]), 2, "", &error);
    assert_output(&kvsock(&daemon, &["import"]), 2, "", &error);
    assert!(kvsock(&daemon, &["--help"]).status.success());
}

#[test]
fn raw_is_the_bytes_alone_and_json_is_one_line() {
    let daemon = Daemon::start(&[]);
    assert_output(&kvsock(&daemon, &["mset", "a", "1", "b\nc", "x y", "", "é"]), 0, "OK\n", "");
    assert_output(&with_input(&daemon, &["set", "bin", "-"], b"\xff\0"), 0, "OK\n", "");
    for (args, status, stdout) in [
        (&["--raw", "get", "a"][..], 0, "1"),
        (&["--raw", "get", "missing"], 1, ""),
        (&["--raw", "mget", "a", "missing", "b\nc"], 0, "1\n\nx y"),
        (&["mget", "a", "missing", ""], 0, "1\n(nil)\né\n"),
        (&["keys", "b*"], 0, "\"b\\nc\"\nbin\n"),
        (&["--json", "get", "a"], 0, "\"1\"\n"),
        (&["--json", "get", "missing"], 1, "null\n"),
        (&["--json", "get", "bin"], 0, "{\"base64\":\"/wA=\"}\n"),
        (&["--json", "keys"], 0, "[\"\",\"a\",\"b\\nc\",\"bin\"]\n"),
        (
            &["--json", "incr", "b\nc"],
            2,
            "{\"error\":\"value is not an integer or out of range\"}\n",
        ),
        (
            &["--json", "set", "a"],
            2,
            "{\"error\":\"\\\"set\\\" command requires a key and a value.\"}\n",
        ),
    ] {
        assert_output(&kvsock(&daemon, args), status, stdout, "");
    }
    assert_output(&kvsock(&daemon, &["set", "k", "v", "EX", "100", "NX"]), 0, "OK\n", "");
    assert_output(&kvsock(&daemon, &["set", "k", "w", "NX"]), 1, "", "");
    let pairs = kvsock(&daemon, &["--json", "last", "2"]);
    assert_output(&pairs, 0, "[[\"bin\",{\"base64\":\"/wA=\"}],[\"k\",\"v\"]]\n", "");
    let status = kvsock(&daemon, &["status", "json"]).stdout;
    let status: serde_json::Value = serde_json::from_slice(&status).expect("JSON");
    assert_eq!(status["db_size"], 5);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let daemon = Daemon::start(&[]);
    let pairs = (0..30_000).map(|key| format!("set key-of-a-certain-length-{key} {key}\n"));
    assert!(with_input(&daemon, &[], pairs.collect::<String>().as_bytes()).status.success());
    for args in [&["keys"][..], &["--json", "keys"], &["export"]] {
        let mut child = start(&daemon, args);
        let mut start = [0; 200];
        child.stdout.take().expect("piped").read_exact(&mut start).expect("it writes");
        let start = String::from_utf8_lossy(&start);
        assert!(start.contains("key-of-a-certain-length-"), "{start}");
        let output = child.wait_with_output().expect("it ends");
        assert_output(&output, 141, "", "");
    }
}

#[test]
fn help_comes_from_the_table_and_needs_no_daemon() {
    let daemon = Daemon::stopped(&[]);
    for args in [&["help"][..], &["--help"]] {
        let output = kvsock(&daemon, args);
        let text = String::from_utf8(output.stdout).expect("text");
        for command in kvsock::command::COMMANDS {
            assert!(text.contains(&format!("\n  {}", command.name)), "{}", command.name);
        }
    }
    let setex = kvsock(&daemon, &["help", "SETEX"]);
    assert!(setex.stdout.starts_with(b"setex <key> <seconds> <value>\n  "));
    let slip = "kvsock: unknown command \"gte\"; did you mean \"get\"?\n";
    assert_output(&kvsock(&daemon, &["help", "gte"]), 2, "", slip);
}

#[test]
fn bash_completes_commands_from_the_table() {
    let daemon = Daemon::stopped(&[]);
    let dir = tempfile::tempdir().expect("a directory");
    let script = dir.path().join("completions");
    std::fs::write(&script, kvsock(&daemon, &["completions", "bash"]).stdout).expect("written");
    let complete = format!(
        "source {}; COMP_WORDS=(kvsock getr); COMP_CWORD=1; \
         _kvsock kvsock getr kvsock; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = std::process::Command::new("bash").args(["-c", &complete]).output();
    assert_output(&output.expect("bash"), 0, "getrange\n", "");
    assert!(kvsock(&daemon, &["completions", "zsh"]).stdout.starts_with(b"#compdef kvsock"));
    assert!(kvsock(&daemon, &["completions", "fish"]).status.success());
    assert_eq!(kvsock(&daemon, &["completions", "tcsh"]).status.code(), Some(2));
}
