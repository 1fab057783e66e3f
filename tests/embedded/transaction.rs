//! Transactions of the embedded engine: their place among the writes, and their bounds.

use kvsock::message::Reply;
use kvsock::store::{Options, Sync, Verb};

use crate::support::{Opened, operation, options, value};

#[test]
fn a_transaction_is_there_when_the_store_is_opened_again() {
    for sync in [Sync::Always, Sync::No] {
        let directory = tempfile::tempdir().unwrap();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        let sets = ["a", "b"].map(|key| operation(Verb::Set, &[key, "1"])).to_vec();
        assert_eq!(store.transact(None, sets), Reply::Array(vec![Reply::OK, Reply::OK]));
        store.close();
        let store = Opened::new(options(directory.path()));
        assert_eq!(store.run(Verb::Exists, &["a", "b"]), Reply::Integer(2));
        store.close();
    }
}

/// More than is committed at a time otherwise.
#[test]
fn a_large_transaction_is_one_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let long = "x".repeat(1024 * 1024);
    let sets = (0..20).map(|n| operation(Verb::Set, &[format!("k{n}"), long.clone()]));
    let Reply::Array(replies) = store.transact(None, sets.collect()) else { panic!("an array") };
    assert!(replies.iter().all(|reply| *reply == Reply::OK));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(20));
    assert_eq!(store.run(Verb::GetRange, &["k19", "-2", "-1"]), value("xx"));
    store.close();
}

#[test]
fn what_looks_at_everything_is_no_part_of_a_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let batch = vec![operation::<&str>(Verb::Clear, &[]), operation(Verb::Set, &["a", "1"])];
    let refused = Reply::failed("FLUSHDB is not possible in a transaction");
    assert_eq!(store.transact(None, batch), Reply::Array(vec![refused, Reply::OK]));
    store.close();
}

#[test]
fn clearing_all_of_a_large_store_is_seen_by_those_who_watch() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let sets = (0..1_500).map(|n| operation(Verb::Set, &[n.to_string(), "v".to_owned()]));
    store.batch(sets.collect());
    let there = store.watch(None, vec!["7".into()]).expect("a watch");
    let absent = store.watch(None, vec!["none".into()]).expect("a watch");
    assert_eq!(store.ask(Verb::Clear), Reply::OK);
    assert_eq!(store.transact(Some(there), Vec::new()), Reply::NilList);
    assert_eq!(store.transact(Some(absent), Vec::new()), Reply::Array(vec![]));
    store.close();
}
