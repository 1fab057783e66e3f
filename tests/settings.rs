//! How kvsockd takes its settings, and how it ends when it cannot start.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use support::daemon::Daemon;

const USAGE: i32 = 64;
const UNAVAILABLE: i32 = 69;
const CONFIG: i32 = 78;

fn run(settings: &[(&str, &str)], args: &[&str]) -> Output {
    let daemon = Daemon::stopped(settings);
    let mut command = daemon.command();
    command.stdout(std::process::Stdio::piped()).args(args).output().expect("kvsockd runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_fault_is_named_at_once_and_nothing_starts() {
    let settings =
        [("STORE", "nonsense"), ("TYPO", "1"), ("MAX_CLIENTS", "many"), ("CACHE", "plenty")];
    let output = run(&settings, &["--store-timeout=soon"]);
    assert_eq!(output.status.code(), Some(CONFIG));
    let stderr = stderr(&output);
    assert_eq!(stderr.lines().count(), 5, "{stderr}");
    for name in
        ["KVSOCK_STORE", "KVSOCK_TYPO", "KVSOCK_MAX_CLIENTS", "KVSOCK_CACHE", "--store-timeout"]
    {
        assert!(stderr.contains(&format!("kvsockd: {name}: ")), "{name} in {stderr}");
    }
}

#[test]
fn check_prints_the_settings_in_effect_without_secrets() {
    let settings = [("STORE", "valkey://user:hunter2@127.0.0.1:1"), ("STORE_PASSWORD", "hunter3")];
    let output = run(&settings, &["--check", "--max-clients=5"]);
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("KVSOCK_STORE=valkey://127.0.0.1:1/0\n"), "{stdout}");
    assert!(stdout.contains("KVSOCK_MAX_CLIENTS=5\n"), "{stdout}");
    assert!(!format!("{output:?}").contains("hunter"), "{output:?}");
}

#[test]
fn a_bad_command_line_is_a_usage_error() {
    assert_eq!(run(&[], &["--frobnicate"]).status.code(), Some(USAGE));
    assert_eq!(run(&[], &["--store-password=x"]).status.code(), Some(USAGE));
    assert!(run(&[], &["--help"]).status.success());
    let version = run(&[], &["--version"]);
    assert_eq!(version.stdout, concat!("kvsockd ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
}

#[test]
fn a_password_file_that_others_can_read_is_refused() {
    let daemon = Daemon::stopped(&[]);
    let file = daemon.dir().join("password");
    std::fs::write(&file, "hunter2\n").expect("written");
    let check = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
        run(
            &[
                ("STORE", "valkey://127.0.0.1:1"),
                ("STORE_PASSWORD_FILE", file.to_str().expect("UTF-8")),
            ],
            &["--check"],
        )
    };
    let refused = check(0o644);
    assert_eq!(refused.status.code(), Some(CONFIG));
    assert!(stderr(&refused).contains("KVSOCK_STORE_PASSWORD_FILE"), "{refused:?}");
    assert!(check(0o600).status.success());
}

#[test]
fn a_second_daemon_neither_takes_the_socket_nor_the_store() {
    let daemon = Daemon::start(&[]);
    let output = daemon.command().output().expect("kvsockd runs");
    assert_eq!(output.status.code(), Some(UNAVAILABLE));
    assert!(stderr(&output).contains("in use"), "{output:?}");
    let elsewhere = daemon.dir().join("t");
    let output = daemon.command().arg("--socket").arg(elsewhere).output().expect("kvsockd runs");
    assert_eq!(output.status.code(), Some(UNAVAILABLE));
    assert!(stderr(&output).contains("in use by another process"), "{output:?}");
    assert_eq!(daemon.ask("ping"), "pong");
}

#[test]
fn a_stop_leaves_nothing_but_the_data() {
    let mut daemon = Daemon::start(&[]);
    assert_eq!(daemon.ask("set a 1"), "OK");
    let mode = |name: &str| {
        let path = daemon.dir().join(name);
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!((mode("s"), mode("db")), (0o600, 0o700));
    for file in std::fs::read_dir(daemon.dir().join("db")).expect("a directory") {
        let file = file.expect("an entry");
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file:?}");
    }
    assert!(daemon.stop().success());
    let left = std::fs::read_dir(daemon.dir()).expect("a directory");
    let left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["db"]);
    daemon.launch();
    assert_eq!(daemon.ask("get a"), "1");
}

#[test]
fn a_daemon_starts_in_a_directory_that_is_gone() {
    let mut daemon = Daemon::stopped(&[]);
    let lose = "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"";
    let script = format!("cd '{}' && {lose}", daemon.dir().display());
    daemon.start_by(&["sh", "-c", &script, "sh"]);
    daemon.launch();
    assert_eq!(daemon.ask("set a 1"), "OK");
}
