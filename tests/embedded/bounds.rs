//! What is too long, and what is more than memory takes.

use kvsock::message::Reply;
use kvsock::store::{Options, Verb};

use crate::support::{Opened, list, operation, options, value};

#[test]
fn long_replies_and_keys_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(Options { max_reply: 100, ..options(directory.path()) });
    store.run(Verb::Set, &["a", &"x".repeat(101)]);
    store.run(Verb::Set, &["b", &"x".repeat(100)]);
    assert_eq!(store.run(Verb::Get, &["a"]), Reply::failed("reply longer than 100 bytes"));
    assert_eq!(store.run(Verb::Get, &["b"]), value("x".repeat(100)));
    assert_eq!(store.run(Verb::Last, &["1"]), Reply::failed("reply longer than 100 bytes"));
    let many = (0..20).map(|n| operation(Verb::Set, &[format!("key{n:02}"), "1".to_owned()]));
    store.batch(many.collect());
    assert_eq!(
        store.run(Verb::Keys, &["*"]),
        Reply::failed("reply longer than 100 bytes; use SCAN")
    );
    assert_eq!(store.run(Verb::Keys, &["a"]), list(&["a"]));
    let long = "k".repeat(70_000);
    assert_eq!(store.run(Verb::Get, &[&long]), Reply::Nil);
    assert_eq!(store.run(Verb::Del, &[&long]), Reply::Integer(0));
    let Reply::Error(error) = store.run(Verb::Set, &[&long, "1"]) else { panic!("an error") };
    assert_eq!(error.to_string(), "key longer than 65526 bytes");
    let longest = "k".repeat(65_526);
    assert_eq!(store.run(Verb::SetEx, &[&longest, "9", "1"]), Reply::OK);
    assert_eq!(store.run(Verb::Get, &[&longest]), value("1"));
    store.close();
}

/// More than memory takes, so that tables are written and merged in the background.
#[test]
fn more_data_than_the_memtables_hold_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let text = |n: u32| format!("{n}").repeat(2_000);
    for round in 0..60 {
        let sets = (0..100).map(|n| operation(Verb::Set, &[format!("k{n}"), text(round * n)]));
        assert!(store.batch(sets.collect()).iter().all(|reply| *reply == Reply::OK));
    }
    assert_eq!(store.ask(Verb::Size), Reply::Integer(100));
    assert_eq!(store.run(Verb::Get, &["k99"]), value(text(59 * 99)));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(100));
    assert_eq!(store.run(Verb::Get, &["k99"]), value(text(59 * 99)));
    store.close();
}
