//! Tests of the whole path from arguments and environment to settings, and of the files that
//! document them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::exit::Exit;
use crate::store::Location;
use crate::{logging, server, store};

const EXAMPLE: &str = include_str!("../../.env.example");

fn load_with(flags: &[&str], settings: &[(&str, &str)]) -> Result<Invocation, LoadError> {
    let args = ["kvsockd"].iter().chain(flags).map(OsString::from);
    let env = settings.iter().map(|(name, text)| (OsString::from(name), OsString::from(text)));
    load(args, env)
}

fn valid(flags: &[&str], settings: &[(&str, &str)]) -> Invocation {
    let mut all = vec![("HOME", "/home/someone")];
    all.extend(settings);
    load_with(flags, &all).expect("valid settings")
}

fn faults(flags: &[&str], settings: &[(&str, &str)]) -> String {
    let mut all = vec![("HOME", "/home/someone")];
    all.extend(settings);
    match load_with(flags, &all) {
        Err(LoadError::Faults(faults)) => faults.to_string(),
        other => panic!("faults, not {other:?}"),
    }
}

#[test]
fn the_defaults_are_valid() {
    let found = valid(&[], &[]);
    assert_eq!(found.mode, Mode::Serve);
    assert!(found.warnings.is_empty());
    let Settings { store, server, log, .. } = found.settings;
    assert_eq!(store.location, Location::Embedded("/home/someone/.local/state/kvsock/db".into()));
    assert_eq!(store.timeout, Duration::from_secs(5));
    assert_eq!(store.sync, store::Sync::Always);
    assert_eq!(store.last_depth, 1000);
    assert_eq!(log, logging::Options { filter: "info".to_owned(), dir: None });
    let expected = server::Options {
        max_clients: 10_000,
        max_clients_per_user: 0,
        max_request: 16 << 20,
        max_reply: 64 << 20,
        max_memory: 512 << 20,
        client_timeout: Duration::ZERO,
        idle_exit: Duration::ZERO,
        drain_timeout: Duration::from_secs(10),
        admin_gid: None,
    };
    assert_eq!(server, expected);
}

#[test]
fn every_fault_is_named_in_one_go() {
    let found = faults(
        &["--drain-timeout=soon"],
        &[
            ("KVSOCK_MAX_CLIENT", "5"),
            ("KVSOCK_ZEBRA", "1"),
            ("KVSOCK_MAX_CLIENTS", "many"),
            ("KVSOCK_CACHE", "plenty"),
            ("KVSOCK_SYNC", "maybe"),
            ("KVSOCK_LOG", "loud"),
            ("KVSOCK_ADMIN_GROUP", "no-such-group"),
            ("KVSOCK_MAX_MEMORY", "1MiB"),
            ("KVSOCK_STORE", "valkey-sentinel://u:hunter2@h"),
        ],
    );
    let expected = [
        "KVSOCK_MAX_CLIENT: there is no such setting; did you mean KVSOCK_MAX_CLIENTS?",
        "KVSOCK_ZEBRA: there is no such setting",
        "KVSOCK_MAX_CLIENTS: \"many\" is not a number from 0 on",
        "KVSOCK_MAX_MEMORY: it is less than KVSOCK_MAX_REQUEST",
        "--drain-timeout: \"soon\" is not a time, as 500ms, 5s, 10min, 1h or a number of seconds",
        "KVSOCK_ADMIN_GROUP: there is no group \"no-such-group\"",
        "KVSOCK_LOG: \"loud\" is not off, error, warn, info, debug, trace or a list with \
         target=level",
        "KVSOCK_STORE: the name of the master after the sentinels is missing",
        "KVSOCK_SYNC: \"maybe\" is not always, everysec or no",
        "KVSOCK_CACHE: \"plenty\" is not a size, as 16MiB, 64kB or a number of bytes",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_cluster_has_no_near_cache_and_no_password_on_the_command_line() {
    let url = "valkey-cluster://u:hunter2@h1,h2:7000";
    let settings = [("KVSOCK_CACHE", "1MiB"), ("KVSOCK_STORE", url)];
    assert_eq!(faults(&[], &settings), "KVSOCK_CACHE: a cluster has no near cache: set it to 0");
    assert_eq!(
        faults(&[&format!("--store={url}")], &[]),
        "--store: a password must not stand in an argument, which every user can see; give it as \
         the credential store-password"
    );
    let found = valid(&[], &[("KVSOCK_STORE", url), ("KVSOCK_CACHE", "0")]);
    let shown = found.settings.store.location.to_string();
    assert_eq!(shown, "valkey-cluster://h1:6379,h2:7000");
}

#[test]
fn sentinels_are_shown_without_secrets_and_take_no_password_on_the_command_line() {
    let url = "valkeys-sentinel://u:hunter2@h1,h2:7000/main/3";
    let told = "--store: a password must not stand in an argument";
    assert!(faults(&[&format!("--store={url}")], &[]).starts_with(told));
    let found = valid(&[], &[("KVSOCK_STORE", url), ("KVSOCK_CACHE", "1MiB")]);
    let shown = found.settings.store.location.to_string();
    assert_eq!(shown, "valkeys-sentinel://h1:26379,h2:7000/main/3");
}

#[test]
fn a_flag_overrides_its_variable_and_an_empty_value_is_none() {
    let found = valid(
        &["--max-clients", "7", "--key-prefix="],
        &[
            ("KVSOCK_MAX_CLIENTS", "many"),
            ("KVSOCK_KEY_PREFIX", "app:"),
            ("KVSOCK_STORE_TIMEOUT", ""),
        ],
    );
    assert_eq!(found.settings.server.max_clients, 7);
    assert_eq!(found.settings.store.prefix, "");
    assert_eq!(found.settings.store.timeout, Duration::from_secs(5));
}

#[test]
fn a_value_that_is_not_utf8_is_a_fault() {
    let env = [("KVSOCK_KEY_PREFIX".into(), OsString::from_vec(vec![0xff]))];
    let error = load(["kvsockd".into()].into_iter(), env.into_iter()).expect_err("a fault");
    assert_eq!(error.exit(), Exit::Config);
    assert!(error.to_string().starts_with("KVSOCK_KEY_PREFIX: the value is not UTF-8"));
}

#[test]
fn a_password_in_an_argument_is_refused_and_not_repeated() {
    let found = faults(&["--store=valkey://u:hunter2@h"], &[]);
    assert!(found.starts_with("--store: a password must not stand in an argument"), "{found}");
    assert!(!found.contains("hunter2"));
    valid(&["--store=valkey://u@h"], &[]);
    valid(&[], &[("KVSOCK_STORE", "valkey://u:hunter2@h")]);
}

#[test]
fn no_secret_is_printed() {
    let found = valid(
        &["--check"],
        &[
            ("KVSOCK_STORE", "valkey://someone:hunter2@h/3"),
            ("KVSOCK_STORE_USERNAME", "someone"),
            ("KVSOCK_STORE_PASSWORD", "hunter2"),
        ],
    );
    assert_eq!(found.mode, Mode::Check);
    let printed = found.in_effect.to_string();
    assert!(printed.contains("KVSOCK_STORE=valkey://h:6379/3\n"), "{printed}");
    assert!(printed.contains("KVSOCK_MAX_CLIENTS=10000\n"), "{printed}");
    for text in [printed, format!("{:?}", found.settings), format!("{:?}", found.in_effect)] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn what_is_loaded_for_nothing_is_warned_about() {
    let found = valid(&[], &[("KVSOCK_STORE_PASSWORD", "hunter2")]);
    let store = found.settings.store.location.to_string();
    assert_eq!(found.warnings, [Warning::PasswordUnused(store)]);
}

#[test]
fn paths_follow_systemd_and_the_session() {
    let found = valid(
        &[],
        &[
            ("STATE_DIRECTORY", "/var/lib/kvsock:/var/lib/other"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ],
    );
    assert_eq!(found.settings.socket, PathBuf::from("/run/user/7/kvsock.sock"));
    assert_eq!(found.settings.store.location, Location::Embedded("/var/lib/kvsock/db".into()));
    let found = valid(&[], &[("XDG_STATE_HOME", "/state"), ("XDG_RUNTIME_DIR", "relative")]);
    assert!(found.settings.socket.to_string_lossy().starts_with("/tmp/kvsock-"));
    assert_eq!(found.settings.store.location, Location::Embedded("/state/kvsock/db".into()));
}

#[test]
fn a_home_is_needed_only_by_a_store_that_lives_there() {
    let error = load_with(&[], &[]).expect_err("no place for the store");
    assert!(error.to_string().contains("the embedded store has no directory"), "{error}");
    load_with(&["--store=embedded:/data"], &[]).expect("a place");
}

#[test]
fn a_socket_path_that_no_socket_can_have_is_a_fault() {
    let long = format!("/{}", "x".repeat(107));
    assert!(faults(&["--socket", &long], &[]).ends_with("is longer than 107 bytes"));
    valid(&["--socket", &long[..107]], &[]);
}

#[test]
fn usage_and_configuration_have_their_own_statuses() {
    for (flag, exit) in [
        ("--version", Exit::Ok),
        ("--help", Exit::Ok),
        ("--frobnicate", Exit::Usage),
        ("--store-password=x", Exit::Usage),
        ("--workers=0", Exit::Config),
    ] {
        assert_eq!(load_with(&[flag], &[]).expect_err(flag).exit(), exit, "{flag}");
    }
    assert_eq!(load_with(&["--check", "--reload"], &[]).expect_err("both").exit(), Exit::Usage);
}

#[test]
fn the_example_documents_every_setting_with_its_default() {
    let lines: Vec<&str> =
        EXAMPLE.lines().filter_map(|line| line.strip_prefix("#KVSOCK_")).collect();
    assert_eq!(lines.len(), table::SETTINGS.len());
    for setting in table::SETTINGS {
        let line = format!("{}={}", setting.name, setting.default);
        assert!(lines.contains(&line.as_str()), "{line}");
    }
}

#[test]
fn the_example_marks_what_a_reload_changes() {
    for paragraph in EXAMPLE.split("\n\n") {
        for setting in table::SETTINGS {
            if paragraph.contains(&format!("\n#{}=", setting.variable())) {
                assert_eq!(paragraph.contains("(reload)"), setting.reloadable, "{}", setting.name);
            }
        }
    }
}

#[test]
fn the_example_holds_as_it_stands() {
    let settings: Vec<(&str, &str)> = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .filter(|(name, _)| name.starts_with("KVSOCK_"))
        .collect();
    assert_eq!(valid(&[], &settings).in_effect, valid(&[], &[]).in_effect);
}
