//! Key spaces, and removing all of one.

use std::path::Path;

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Operation, Options};

use crate::support::{Opened, list, operation, options, pairs, value};

fn with_prefix(directory: &Path, prefix: &'static str) -> Options {
    Options { prefix: Bytes::from_static(prefix.as_bytes()), ..options(directory) }
}

#[test]
fn a_prefix_hides_all_other_keys() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    for key in ["p:a", "p:b", "q", "o"] {
        store.run("SET", &[key, key]);
    }
    store.close();
    let store = Opened::new(with_prefix(directory.path(), "p:"));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(2));
    assert_eq!(store.run("GET", &["a"]), value("p:a"));
    assert_eq!(store.run("SET", &["c", "x"]), Reply::OK);
    assert_eq!(store.ask("KEYS"), list(&["a", "b", "c"]));
    assert_eq!(store.run("KEYS", &["[bc]"]), list(&["b", "c"]));
    assert_eq!(store.run("LAST", &["2"]), pairs(&[("b", "p:b"), ("c", "x")]));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(3));
    assert_eq!(store.ask("FLUSHDB"), Reply::OK);
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(0));
    assert_eq!(store.ask("KEYS"), list(&[]));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask("KEYS"), list(&["o", "q"]));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(2));
    store.close();
}

#[test]
fn clearing_under_a_prefix_takes_more_than_one_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    store.run("SET", &["other", "1"]);
    let sets = (0..2_500).map(|n| operation("SET", &[format!("p:{n}"), n.to_string()]));
    store.batch(sets.collect());
    store.close();
    let store = Opened::new(with_prefix(directory.path(), "p:"));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(2_500));
    assert_eq!(store.ask("FLUSHDB"), Reply::OK);
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(0));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask("KEYS"), list(&["other"]));
    store.close();
}

#[test]
fn clearing_all_of_a_large_store_is_one_step() {
    let directory = tempfile::tempdir().unwrap();
    for prefix in ["", "p:"] {
        let store = Opened::new(with_prefix(directory.path(), prefix));
        for round in 0..3 {
            let set = |n| operation("SETEX", &[format!("{n}"), "99".to_owned(), "v".to_owned()]);
            let mut batch: Vec<Operation> = (0..1_500).map(set).collect();
            batch.push(operation::<&str>("FLUSHDB", &[]));
            batch.push(operation("SET", &["n", "1"]));
            batch.push(operation::<&str>("DBSIZE", &[]));
            assert_eq!(store.batch(batch).pop(), Some(Reply::Integer(1)), "round {round}");
            assert_eq!(store.run("LAST", &["9"]), pairs(&[("n", "1")]));
        }
        store.close();
        let store = Opened::new(with_prefix(directory.path(), prefix));
        assert_eq!(store.run("LAST", &["9"]), pairs(&[("n", "1")]));
        assert_eq!(store.ask("KEYS"), list(&["n"]));
        assert_eq!(store.ask("DBSIZE"), Reply::Integer(1));
        assert_eq!(store.ask("FLUSHDB"), Reply::OK);
        store.close();
    }
}
