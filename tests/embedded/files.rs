//! The directory, and what is kept there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kvsock::message::Reply;
use kvsock::store::{OpenError, Options, Sync};

use crate::support::{Opened, options, value};

#[test]
fn the_directory_is_private_and_of_one_process_only() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("state/db");
    let store = Opened::new(options(&directory));
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let error = Opened::try_new(options(&directory)).err().expect("it is open already");
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    store.close();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    Opened::new(options(&directory)).close();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn every_sync_mode_keeps_what_it_acknowledged_over_a_restart() {
    for sync in [Sync::Always, Sync::EverySecond, Sync::No] {
        let directory = tempfile::tempdir().unwrap();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        store.run("SET", &["a", "1"]);
        store.close();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        assert_eq!(store.run("GET", &["a"]), value("1"));
        store.close();
    }
}

/// Bytes of the journals in a database's directory.
fn journals(directory: &Path) -> Vec<u64> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let journals = files.filter(|file| file.path().extension().is_some_and(|it| it == "jnl"));
    journals.map(|file| file.metadata().unwrap().len()).collect()
}

#[test]
fn an_orderly_end_spares_the_next_start_a_long_journal_and_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let long = |round: usize, key: usize| format!("{round}-{key}-{}", "x".repeat(10_000));
    for round in 0..4 {
        let store = Opened::new(options(directory.path()));
        if round > 0 {
            for key in (0..200).filter(|key| key % 2 == 1) {
                let found = store.run("GET", &[&format!("k{key}")]);
                assert_eq!(found, value(long(round - 1, key)), "{key} after {round} rounds");
            }
            assert_eq!(store.run("GET", &["k2"]), Reply::Nil, "removed");
            assert_eq!(store.ask("DBSIZE"), Reply::Integer(100));
        }
        for key in 0..200 {
            store.run("SET", &[&format!("k{key}"), &long(round, key)]);
        }
        for key in (0..200).filter(|key| key % 2 == 0) {
            store.run("DEL", &[&format!("k{key}")]);
        }
        store.close();
        assert_eq!(journals(directory.path()), [0], "after round {round}");
    }
    // A short one is read faster than tables are written.
    let store = Opened::new(options(directory.path()));
    store.run("SET", &["short", "1"]);
    store.close();
    assert!(journals(directory.path())[0] > 0);
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.run("GET", &["short"]), value("1"));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(101));
    store.close();
}
