//! Transactions of the embedded engine: their place among the writes, and their bounds.

use std::time::Duration;

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Operation, Options, Store, Sync};

use crate::support::{Opened, list, operation, options, pairs, value};

#[test]
fn a_transaction_is_there_when_the_store_is_opened_again() {
    for sync in [Sync::Always, Sync::No] {
        let directory = tempfile::tempdir().unwrap();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        let sets = ["a", "b"].map(|key| operation("SET", &[key, "1"])).to_vec();
        assert_eq!(store.transact(None, sets), Reply::Array(vec![Reply::OK, Reply::OK]));
        store.close();
        let store = Opened::new(options(directory.path()));
        assert_eq!(store.run("EXISTS", &["a", "b"]), Reply::Integer(2));
        store.close();
    }
}

/// More than is committed at a time otherwise.
#[test]
fn a_large_transaction_is_one_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let long = "x".repeat(1024 * 1024);
    let sets = (0..20).map(|n| operation("SET", &[format!("k{n}"), long.clone()]));
    let Reply::Array(replies) = store.transact(None, sets.collect()) else { panic!("an array") };
    assert!(replies.iter().all(|reply| *reply == Reply::OK));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(20));
    assert_eq!(store.run("GETRANGE", &["k19", "-2", "-1"]), value("xx"));
    store.close();
}

/// What is set, asked and cleared within one transaction, on top of `there`.
fn all_of_a_key_space() -> (Vec<Operation>, Vec<Reply>) {
    let ask = |name| operation::<&str>(name, &[]);
    let steps = vec![
        (operation("SET", &["a", "1"]), Reply::OK),
        (operation("SET", &["gone", "1", "EXAT", "1"]), Reply::OK),
        (ask("DBSIZE"), Reply::Integer(2)),
        (operation("KEYS", &["*"]), list(&["a", "there"])),
        (operation("KEYS", &["t*"]), list(&["there"])),
        (operation("LAST", &["9"]), pairs(&[("there", "0"), ("a", "1")])),
        (operation("SET", &["there", "2"]), Reply::OK),
        (operation("LAST", &["9"]), pairs(&[("a", "1"), ("there", "2")])),
        (operation("DEL", &["there"]), Reply::Integer(1)),
        (ask("RANDOMKEY"), value("a")),
        (ask("FLUSHDB"), Reply::OK),
        (ask("DBSIZE"), Reply::Integer(0)),
        (ask("RANDOMKEY"), Reply::Nil),
        (operation("GET", &["a"]), Reply::Nil),
        (operation("SET", &["b", "1"]), Reply::OK),
        (ask("DBSIZE"), Reply::Integer(1)),
        (ask("RANDOMKEY"), value("b")),
        (operation("KEYS", &["*"]), list(&["b"])),
        (operation("LAST", &["9"]), pairs(&[("b", "1")])),
        (operation("SCAN", &["0"]), Reply::Array(vec![value("0"), list(&["b"])])),
    ];
    steps.into_iter().unzip()
}

#[test]
fn a_transaction_sees_its_changes_in_a_whole_key_space() {
    for prefix in ["", "p:"] {
        let directory = tempfile::tempdir().unwrap();
        let prefix = Bytes::from(prefix);
        let store = Opened::new(Options { prefix, ..options(directory.path()) });
        store.run("SET", &["there", "0"]);
        let (batch, expected) = all_of_a_key_space();
        assert_eq!(store.transact(None, batch), Reply::Array(expected));
        assert_eq!(store.ask("DBSIZE"), Reply::Integer(1));
        assert_eq!(store.run("LAST", &["9"]), pairs(&[("b", "1")]));
        store.close();
    }
}

#[tokio::test]
async fn a_transaction_clears_a_part_and_leaves_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let all = Store::open(Options { has_parts: true, ..options(directory.path()) }).unwrap();
    let (one, other) = (all.part(b"u1:"), all.part(b"u2:"));
    for part in [&one, &other] {
        part.execute(vec![operation("SET", &["there", "0"])]).await;
    }
    let (batch, expected) = all_of_a_key_space();
    assert_eq!(one.transact(None, batch).await, Reply::Array(expected));
    let keys = all.execute(vec![operation::<&str>("KEYS", &[])]).await.remove(0);
    assert_eq!(keys, list(&["u1:b", "u2:there"]));
    all.close(Duration::from_secs(20)).await;
}

async fn fill(store: &Store) {
    let sets = (0..5_000).map(|n| operation("SET", &[n.to_string(), "v".to_owned()]));
    store.execute(sets.collect()).await;
}

#[tokio::test]
async fn a_transaction_clears_all_of_a_large_store() {
    for prefix in ["", "p:"] {
        let directory = tempfile::tempdir().unwrap();
        let options = Options { prefix: prefix.into(), ..options(directory.path()) };
        let store = Store::open(options.clone()).unwrap();
        fill(&store).await;
        let there = store.watch(None, vec!["7".into()]).await.expect("a watch");
        let (mut batch, mut expected) = all_of_a_key_space();
        let clear = operation::<&str>("FLUSHDB", &[]);
        batch.splice(0..0, [clear, operation("SET", &["there", "0"])]);
        expected.splice(0..0, [Reply::OK, Reply::OK]);
        assert_eq!(store.transact(None, batch).await, Reply::Array(expected), "{prefix}");
        assert_eq!(store.transact(Some(there), Vec::new()).await, Reply::NilList);
        let ask = || vec![operation::<&str>("DBSIZE", &[]), operation("KEYS", &["*"])];
        let left = [Reply::Integer(1), list(&["b"])];
        assert_eq!(store.execute(ask()).await, left);
        store.close(Duration::from_secs(20)).await;
        let store = Store::open(options).unwrap();
        assert_eq!(store.execute(ask()).await, left);
        store.close(Duration::from_secs(20)).await;
    }
}

#[tokio::test]
async fn a_transaction_that_would_clear_too_much_of_a_part_says_so_and_does_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let all = Store::open(Options { has_parts: true, ..options(directory.path()) }).unwrap();
    let part = all.part(b"u1:");
    fill(&part).await;
    let batch = vec![operation::<&str>("FLUSHDB", &[]), operation("SET", &["a", "1"])];
    let reply = part.transact(None, batch).await;
    let Reply::Array(replies) = reply else { panic!("an array") };
    let [Reply::Error(error), Reply::OK] = &replies[..] else { panic!("{replies:?}") };
    assert!(error.to_string().starts_with("FLUSHDB removes at most 4096 keys"), "{error}");
    let size = part.execute(vec![operation::<&str>("DBSIZE", &[])]).await.remove(0);
    assert_eq!(size, Reply::Integer(5_001));
    all.close(Duration::from_secs(20)).await;
}

#[test]
fn clearing_all_of_a_large_store_is_seen_by_those_who_watch() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let sets = (0..1_500).map(|n| operation("SET", &[n.to_string(), "v".to_owned()]));
    store.batch(sets.collect());
    let there = store.watch(None, vec!["7".into()]).expect("a watch");
    let absent = store.watch(None, vec!["none".into()]).expect("a watch");
    assert_eq!(store.ask("FLUSHDB"), Reply::OK);
    assert_eq!(store.transact(Some(there), Vec::new()), Reply::NilList);
    assert_eq!(store.transact(Some(absent), Vec::new()), Reply::Array(vec![]));
    store.close();
}
