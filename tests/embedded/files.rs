//! The directory, and what is kept there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use kvsock::store::{OpenError, Options, Sync, Verb};

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
        store.run(Verb::Set, &["a", "1"]);
        store.close();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        assert_eq!(store.run(Verb::Get, &["a"]), value("1"));
        store.close();
    }
}
