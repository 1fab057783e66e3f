//! What is too long, and what is more than memory takes.

use kvsock::message::Reply;
use kvsock::store::Options;

use crate::support::{Opened, list, operation, options, value};

#[test]
fn long_replies_and_keys_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(Options { max_reply: 100, ..options(directory.path()) });
    store.run("SET", &["a", &"x".repeat(101)]);
    store.run("SET", &["b", &"x".repeat(100)]);
    assert_eq!(store.run("GET", &["a"]), Reply::failed("reply longer than 100 bytes"));
    assert_eq!(store.run("GET", &["b"]), value("x".repeat(100)));
    assert_eq!(store.run("LAST", &["1"]), Reply::failed("reply longer than 100 bytes"));
    let many = (0..20).map(|n| operation("SET", &[format!("key{n:02}"), "1".to_owned()]));
    store.batch(many.collect());
    assert_eq!(store.run("KEYS", &["*"]), Reply::failed("reply longer than 100 bytes; use SCAN"));
    assert_eq!(store.run("KEYS", &["a"]), list(&["a"]));
    let long = "k".repeat(70_000);
    assert_eq!(store.run("GET", &[&long]), Reply::Nil);
    assert_eq!(store.run("DEL", &[&long]), Reply::Integer(0));
    let Reply::Error(error) = store.run("SET", &[&long, "1"]) else { panic!("an error") };
    assert_eq!(error.to_string(), "key longer than 65526 bytes");
    let longest = "k".repeat(65_526);
    assert_eq!(store.run("SETEX", &[&longest, "9", "1"]), Reply::OK);
    assert_eq!(store.run("GET", &[&longest]), value("1"));
    store.close();
}

/// More than memory takes, so that tables are written and merged in the background.
#[test]
fn more_data_than_the_memtables_hold_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let text = |n: u32| format!("{n}").repeat(2_000);
    for round in 0..60 {
        let sets = (0..100).map(|n| operation("SET", &[format!("k{n}"), text(round * n)]));
        assert!(store.batch(sets.collect()).iter().all(|reply| *reply == Reply::OK));
    }
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(100));
    assert_eq!(store.run("GET", &["k99"]), value(text(59 * 99)));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(100));
    assert_eq!(store.run("GET", &["k99"]), value(text(59 * 99)));
    store.close();
}
