//! Export and import.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{assert_output, kvsock, start, with_input};
use crate::support::daemon::{Daemon, PATIENCE};
use crate::support::valkey::Setup;

fn path(daemon: &Daemon, name: &str) -> PathBuf {
    daemon.dir().join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the test's directory is UTF-8")
}

/// Stores many pairs at once.
fn fill(daemon: &Daemon, count: usize) {
    let pairs = (0..count).map(|n| format!("set key:{n} value {n}\n"));
    let output = with_input(daemon, &[], pairs.collect::<String>().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn sorted(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).expect("JSON is UTF-8");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn wait_until_there(path: &Path) {
    let end = Instant::now() + PATIENCE;
    while !path.exists() {
        assert!(Instant::now() < end, "{} never comes", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_machine_moves_from_the_embedded_store_to_valkey() {
    let Some(valkey) = Setup::default().start() else { return };
    let embedded = Daemon::start(&[("SYNC", "no")]);
    let remote = Daemon::start(&[("STORE", &valkey.url()), ("KEY_PREFIX", "kvsock:")]);
    fill(&embedded, 20_000);
    let every_byte: Vec<u8> = (0..=255).collect();
    for byte in 0..=255 {
        let key = format!("set \"\\x{byte:02x}\" -");
        assert_eq!(embedded.ask(&key), "OK");
    }
    let large = every_byte.repeat(40_000);
    assert_output(&with_input(&embedded, &["set", "large", "-"], &large), 0, "OK\n", "");
    assert_output(&with_input(&embedded, &["set", "", "-"], b""), 0, "OK\n", "");
    assert_output(&kvsock(&embedded, &["setex", "short", "5000", "lived"]), 0, "OK\n", "");
    let expires = kvsock(&embedded, &["pexpiretime", "short"]).stdout;

    let file = path(&embedded, "pairs.jsonl");
    assert_output(&kvsock(&embedded, &["export", text(&file)]), 0, "", "");
    assert_output(&kvsock(&remote, &["import", text(&file)]), 0, "", "");

    assert_output(&kvsock(&remote, &["dbsize"]), 0, "20259\n", "");
    assert!(kvsock(&remote, &["--raw", "get", "large"]).stdout == large);
    assert_output(&kvsock(&remote, &["get", ""]), 0, "\n", "");
    assert_eq!(kvsock(&remote, &["pexpiretime", "short"]).stdout, expires);
    assert_output(&kvsock(&remote, &["pexpiretime", "key:7"]), 0, "-1\n", "");
    let lines = sorted(&kvsock(&remote, &["export"]));
    assert!(lines == sorted(&kvsock(&embedded, &["export"])), "both hold the same");
    assert_eq!(lines.len(), 20_259);
    assert!(!path(&embedded, "pairs.jsonl.import-state").exists());
    assert!(!path(&embedded, "pairs.jsonl.partial").exists());
}

#[test]
fn a_line_is_a_pair_and_a_glob_chooses() {
    let daemon = Daemon::start(&[]);
    for request in ["set a:1 x", "set a:\"q\" y", "set \"b\\xff\" \"\\xfe\"", "set a:2 "] {
        assert_eq!(daemon.ask(request), "OK");
    }
    let lines = [
        r#"{"key":"a:1","value":"x"}"#,
        r#"{"key":"a:2","value":""}"#,
        r#"{"key":"a:\"q\"","value":"y"}"#,
        r#"{"key_base64":"Yv8=","value_base64":"/g=="}"#,
    ];
    assert_eq!(sorted(&kvsock(&daemon, &["export", "--all-users"])), lines);
    assert_eq!(sorted(&kvsock(&daemon, &["export", "--match", "a:[0-9]"])), lines[..2]);
    assert_eq!(daemon.ask("cleardb"), "OK");
    let input = lines.join("\n");
    let output = with_input(&daemon, &["import", "--match", "a:*"], input.as_bytes());
    assert_output(&output, 0, "", "");
    assert_output(&kvsock(&daemon, &["keys"]), 0, "a:\"q\"\na:1\na:2\n", "");
}

#[test]
fn all_users_keys_are_for_administrators() {
    let daemon = Daemon::start(&[]);
    if !daemon.open_to_other_users() {
        return;
    }
    let program = path(&daemon, "kvsock");
    std::fs::copy(env!("CARGO_BIN_EXE_kvsock"), &program).expect("copy the program");
    for args in [["export", "--all-users"], ["import", "--all-users"]] {
        let mut command = std::process::Command::new(&program);
        command.args(args).env("KVSOCK_SOCKET", daemon.socket()).uid(1234).gid(1234);
        let output = command.output().expect("it starts");
        assert_output(&output, 2, "", "kvsock: --all-users is for administrators\n");
    }
}

#[test]
fn pairs_that_exist_are_replaced_or_kept_and_expired_ones_passed_over() {
    let daemon = Daemon::start(&[]);
    let input = b"{\"key\":\"a\",\"value\":\"new\"}\n\n{\"key\":\"b\",\"value\":\"new\"}\n\
                  {\"key\":\"gone\",\"value\":\"x\",\"expires\":1}\n";
    assert_eq!(daemon.ask("set a old"), "OK");
    assert_output(&with_input(&daemon, &["import", "--keep"], input), 0, "", "");
    assert_output(&kvsock(&daemon, &["mget", "a", "b", "gone"]), 0, "old\nnew\n(nil)\n", "");
    assert_output(&with_input(&daemon, &["import", "--replace"], input), 0, "", "");
    assert_output(&kvsock(&daemon, &["get", "a"]), 0, "new\n", "");
    let both = with_input(&daemon, &["import", "--replace", "--keep"], input);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_bad_line_is_named_and_nothing_after_it_is_stored() {
    let daemon = Daemon::start(&[]);
    let file = path(&daemon, "pairs.jsonl");
    let pair = |key: &str| format!("{{\"key\":\"{key}\",\"value\":\"x\"}}\n");
    std::fs::write(&file, format!("{}{}nonsense\n{}", pair("a"), pair("b"), pair("c"))).unwrap();
    let output = kvsock(&daemon, &["import", text(&file)]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!("kvsock: {}, line 3: expected ", file.display());
    assert!(error.starts_with(&expected), "{error}");
    assert_output(&kvsock(&daemon, &["keys"]), 0, "a\nb\n", "");
    let output = with_input(&daemon, &["import"], br#"{"key":"a"}"#);
    let error = "kvsock: standard input, line 1: neither value nor value_base64\n";
    assert_output(&output, 2, "", error);
}

#[test]
fn a_pair_that_the_store_refuses_is_named_by_its_line() {
    let daemon = Daemon::start(&[("MAX_REQUEST", "1KiB")]);
    let value = "x".repeat(2000);
    let input =
        format!("{{\"key\":\"a\",\"value\":\"1\"}}\n\n{{\"key\":\"b\",\"value\":\"{value}\"}}\n");
    let error = "kvsock: standard input, line 3: request longer than 1024 bytes\n";
    assert_output(&with_input(&daemon, &["import"], input.as_bytes()), 2, "", error);
    assert_output(&kvsock(&daemon, &["keys"]), 0, "a\n", "");
}

#[test]
fn an_interrupted_import_goes_on_where_it_stopped() {
    let daemon = Daemon::start(&[("SYNC", "no")]);
    fill(&daemon, 50_000);
    let file = path(&daemon, "pairs.jsonl");
    let state = path(&daemon, "pairs.jsonl.import-state");
    assert_output(&kvsock(&daemon, &["export", text(&file)]), 0, "", "");
    for (signal, status) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        assert_eq!(daemon.ask("cleardb"), "OK");
        let import = start(&daemon, &["import", text(&file)]);
        wait_until_there(&state);
        kill_process(Pid::from_child(&import), signal).expect("it runs");
        let output = import.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), status, "ended before it was interrupted?");
        let state: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&state).expect("a state")).expect("JSON");
        let done = state["line"].as_u64().expect("a number");
        assert!(done > 0 && done < 50_000, "{done}");
        assert!(daemon.ask("dbsize").parse::<u64>().expect("a number") >= done);
        // What was stored before is not stored again.
        assert_eq!(daemon.ask("cleardb"), "OK");
        assert_output(&kvsock(&daemon, &["import", "--resume", text(&file)]), 0, "", "");
        assert_eq!(daemon.ask("dbsize"), (50_000 - done).to_string());
    }
    assert!(!state.exists());
    // Nothing to resume: from the start.
    assert_output(&kvsock(&daemon, &["import", "--resume", text(&file)]), 0, "", "");
    assert_eq!(daemon.ask("dbsize"), "50000");
}

#[test]
fn another_file_is_not_resumed_nor_is_standard_input() {
    let daemon = Daemon::start(&[]);
    let file = path(&daemon, "pairs.jsonl");
    std::fs::write(&file, "{\"key\":\"a\",\"value\":\"1\"}\nnonsense\n").unwrap();
    assert_eq!(kvsock(&daemon, &["import", text(&file)]).status.code(), Some(2));
    std::fs::write(&file, "{\"key\":\"a\",\"value\":\"2\"}\n").unwrap();
    let error = format!(
        "kvsock: {}.import-state is about another file, or the file has changed since; \
         import without --resume\n",
        file.display()
    );
    assert_output(&kvsock(&daemon, &["import", "--resume", text(&file)]), 2, "", &error);
    assert_output(&kvsock(&daemon, &["get", "a"]), 0, "1\n", "");
    assert_output(&kvsock(&daemon, &["import", text(&file)]), 0, "", "");
    assert_output(&kvsock(&daemon, &["get", "a"]), 0, "2\n", "");
    let error = "kvsock: standard input cannot be resumed\n";
    assert_output(&kvsock(&daemon, &["import", "--resume", "-"]), 2, "", error);
}

#[test]
fn an_export_that_does_not_come_to_its_end_leaves_no_file() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut daemon = Daemon::start(&[]);
        let file = path(&daemon, "pairs.jsonl");
        let partial = path(&daemon, "pairs.jsonl.partial");
        daemon.signal(Signal::STOP);
        let export = start(&daemon, &["export", text(&file)]);
        wait_until_there(&partial);
        kill_process(Pid::from_child(&export), signal).expect("it runs");
        assert_output(&export.wait_with_output().expect("it ends"), 130, "", "");
        assert!(!file.exists() && !partial.exists());

        let export = start(&daemon, &["export", text(&file)]);
        wait_until_there(&partial);
        // It makes the file before it asks.
        std::thread::sleep(Duration::from_millis(300));
        daemon.kill();
        let output = export.wait_with_output().expect("it ends");
        assert_output(&output, 2, "", "kvsock: the daemon closed the connection without a reply\n");
        assert!(!file.exists() && !partial.exists());
    }
}

#[test]
fn keys_of_other_types_are_counted_and_left_out() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    assert_eq!(daemon.ask("set a 1"), "OK");
    valkey.command(&["LPUSH", "list", "x"]);
    valkey.command(&["HSET", "hash", "x", "y"]);
    let lines = "{\"key\":\"a\",\"value\":\"1\"}\n";
    let why = "kvsock: 2 of other types than string were not exported\n";
    assert_output(&kvsock(&daemon, &["export"]), 0, lines, why);
}
