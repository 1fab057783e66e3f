//! A full disk is an error reply, reads go on, and writing works again when there is room.
//!
//! This is the engine by itself; with the daemon and clients around it: `faults/daemon_disk.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "support/disk.rs"]
mod disk;
#[path = "support/embedded.rs"]
mod support;

use std::time::{Duration, Instant};

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Health, Options, Sync};

use disk::SmallDisk;
use support::{Opened, options, value};

fn is_no_space(reply: &Reply) -> bool {
    match reply {
        Reply::Error(ErrorReply::Unavailable(why)) => why.contains("no space left on device"),
        Reply::Error(ErrorReply::OutcomeUnknown(name)) => *name == "SET",
        _ => false,
    }
}

#[track_caller]
fn wait_until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the condition never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_full_journal_is_survived() {
    let Some(disk) = SmallDisk::new("32m") else { return };
    for sync in [Sync::Always, Sync::No] {
        let settings = Options { sync, ..options(&disk.path().join("db")) };
        let store = Opened::new(settings.clone());
        store.ask("FLUSHDB");
        assert_eq!(store.run("SET", &["before", "1"]), Reply::OK);
        disk.fill(100_000);
        let mut stored = Vec::new();
        let mut unknown = Vec::new();
        let mut refused = 0;
        for n in 0..100 {
            let key = format!("k{n}");
            match store.run("SET", &[key.as_str(), &"v".repeat(10_000)]) {
                Reply::OK => stored.push(key),
                Reply::Error(ErrorReply::OutcomeUnknown("SET")) => unknown.push(key),
                reply => {
                    assert!(is_no_space(&reply), "{reply:?}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 50, "{refused} refused");
        assert_eq!(store.health(), Health::Down("no space left on device".to_owned()));
        // What was acknowledged is served, before and after; what was refused is not there.
        let expect = |store: &Opened| {
            assert_eq!(store.run("GET", &["before"]), value("1"));
            for key in &stored {
                assert_eq!(store.run("GET", &[key]), value("v".repeat(10_000)));
            }
        };
        expect(&store);
        let Reply::Integer(size) = store.ask("DBSIZE") else { panic!("a number") };
        let size = usize::try_from(size).unwrap();
        assert!((stored.len() + 1..=stored.len() + 1 + unknown.len()).contains(&size));
        disk.make_room();
        wait_until(|| store.run("SET", &["after", "1"]) == Reply::OK);
        assert_eq!(store.health(), Health::Up);
        expect(&store);
        store.close();
        let store = Opened::new(settings);
        expect(&store);
        assert_eq!(store.run("GET", &["after"]), value("1"));
        store.close();
    }
}

#[test]
fn what_was_read_while_the_disk_was_full_is_what_it_has_afterwards() {
    let Some(disk) = SmallDisk::new("32m") else { return };
    for sync in [Sync::Always, Sync::No] {
        let settings = Options { sync, ..options(&disk.path().join("db")) };
        let store = Opened::new(settings.clone());
        store.ask("FLUSHDB");
        let text = |n: usize| format!("{n} {}", "v".repeat(10_000));
        assert_eq!(store.run("SET", &["k", &text(0)]), Reply::OK);
        disk.fill(100_000);
        let (mut now, mut refused) = (0, 0);
        for n in 1..=60 {
            let reply = store.run("SET", &["k", &text(n)]);
            let found = store.run("GET", &["k"]);
            let is_there = found == value(text(n));
            assert!(is_there || found == value(text(now)), "{n}: neither before nor after");
            match reply {
                Reply::OK => assert!(is_there, "{n} was acknowledged"),
                Reply::Error(ErrorReply::OutcomeUnknown("SET")) => refused += 1,
                reply => {
                    assert!(is_no_space(&reply) && !is_there, "{n}: {reply:?}");
                    refused += 1;
                }
            }
            now = if is_there { n } else { now };
        }
        assert!(refused > 40, "{refused} refused");
        disk.make_room();
        wait_until(|| store.run("SET", &["after", "1"]) == Reply::OK);
        assert_eq!(store.run("GET", &["k"]), value(text(now)));
        store.close();
        let store = Opened::new(settings);
        assert_eq!(store.run("GET", &["k"]), value(text(now)));
        store.close();
    }
}

#[test]
fn tables_that_cannot_be_written_in_the_background_are_survived() {
    let Some(disk) = SmallDisk::new("96m") else { return };
    let store = Opened::new(options(&disk.path().join("db")));
    assert_eq!(store.run("SET", &["before", "1"]), Reply::OK);
    // Room for the journal, but not for all the tables that are written from it.
    disk.fill(22 * 1024 * 1024);
    let text = |n: u32| format!("{n:04}").repeat(25_000);
    let mut stored = 0;
    while store.run("SET", &[format!("k{stored}"), text(stored)]) == Reply::OK {
        stored += 1;
        assert!(stored < 1_000, "the disk never got full");
    }
    assert!(stored > 60, "the journal took {stored}");
    let reply = store.run("SET", &["refused", "1"]);
    assert!(is_no_space(&reply), "{reply:?}");
    assert_eq!(store.run("GET", &["k0"]), value(text(0)));
    disk.make_room();
    // By itself, without a write.
    wait_until(|| store.health() == Health::Up);
    assert_eq!(store.run("SET", &["after", "1"]), Reply::OK);
    for n in 0..stored {
        assert_eq!(store.run("GET", &[format!("k{n}")]), value(text(n)));
    }
    assert_eq!(store.ask("SAVE"), Reply::OK);
    store.close();
    let store = Opened::new(options(&disk.path().join("db")));
    assert_eq!(store.run("GET", &["after"]), value("1"));
    for n in 0..stored {
        assert_eq!(store.run("GET", &[format!("k{n}")]), value(text(n)));
    }
    store.close();
}

/// Sets keys until the disk is full, and stays so when what is there twice has gone; how many keys.
fn set_until_full(store: &Opened, value: &str) -> usize {
    let (mut stored, mut refused) = (0, 0);
    while refused < 40 {
        match store.run("SET", &[format!("k{stored}").as_str(), value]) {
            Reply::OK => (stored, refused) = (stored + 1, 0),
            Reply::Error(ErrorReply::Unavailable(_) | ErrorReply::OutcomeUnknown(_)) => {
                refused += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            reply => panic!("{reply:?}"),
        }
        assert!(stored < 20_000, "the disk never got full");
    }
    stored
}

#[test]
fn a_full_disk_can_be_emptied_from_inside() {
    for (size, sync) in [("48m", Sync::Always), ("96m", Sync::No)] {
        let Some(disk) = SmallDisk::new(size) else { return };
        let settings = Options { sync, ..options(&disk.path().join("db")) };
        let store = Opened::new(settings.clone());
        for (round, name) in ["DEL", "FLUSHDB"].into_iter().enumerate() {
            // Of bytes that cannot be compressed.
            let text: String = (0..20_000).map(|_| rand::random_range('a'..='~')).collect();
            let stored = set_until_full(&store, &text);
            assert!(stored > 300, "{size}: only {stored} in round {round}");
            assert_eq!(store.health(), Health::Down("no space left on device".to_owned()));
            if name == "FLUSHDB" {
                wait_until(|| store.ask("FLUSHDB") == Reply::OK);
            } else {
                let keys: Vec<String> = (0..stored).map(|n| format!("k{n}")).collect();
                for some in keys.chunks(20) {
                    wait_until(|| matches!(store.run(name, some), Reply::Integer(_)));
                    assert_eq!(store.run("EXISTS", some), Reply::Integer(0));
                }
            }
            wait_until(|| store.run("SET", &["after", "1"]) == Reply::OK);
            assert_eq!(store.health(), Health::Up);
        }
        store.close();
        let store = Opened::new(settings);
        assert_eq!(store.run("GET", &["after"]), value("1"));
        store.close();
    }
}

#[test]
fn a_database_without_index_of_long_values_is_read_on_a_full_disk_and_written_when_there_is_room() {
    let Some(disk) = SmallDisk::new("96m") else { return };
    let settings = options(&disk.path().join("db"));
    let store = Opened::new(settings.clone());
    store.run("SET", &["a", "1"]);
    store.close();
    drop(support::open_without_index(&disk.path().join("db")));
    disk.fill(0);
    let store = Opened::new(settings);
    assert_eq!(store.run("GET", &["a"]), value("1"));
    disk.make_room();
    wait_until(|| store.run("SET", &["b", "1"]) == Reply::OK);
    assert_eq!(store.health(), Health::Up);
    store.close();
}
