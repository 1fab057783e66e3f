//! Iterations, and their cursors.

use std::collections::BTreeSet;

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Operation, Options};

use crate::support::{Opened, operation, options, value};

fn scan(store: &Opened, args: &[&str]) -> (Bytes, Vec<Bytes>) {
    parts(store.run("SCAN", args))
}

fn parts(reply: Reply) -> (Bytes, Vec<Bytes>) {
    let Reply::Array(parts) = reply else { panic!("{reply:?}") };
    let [Reply::Value(cursor), Reply::List(keys)] = &parts[..] else { panic!("{parts:?}") };
    (cursor.clone(), keys.iter().flatten().cloned().collect())
}

fn fill(store: &Opened, count: usize) {
    let sets = (0..count).map(|n| operation("SET", &[format!("k{n:05}"), "v".to_owned()]));
    assert!(store.batch(sets.collect()).iter().all(|reply| *reply == Reply::OK));
}

#[test]
fn keys_come_in_order_and_once_across_changes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    fill(&store, 1_000);
    let (mut cursor, mut found, mut removed) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let (next, keys) = scan(&store, &[&cursor, "COUNT", "100"]);
        assert!(keys.len() <= 100);
        found.extend(keys);
        if next == "0" {
            break;
        }
        cursor = String::from_utf8_lossy(&next).into_owned();
        // The key where it goes on is gone by then, and another one comes before it.
        let last = found.last().map_or("", |key| std::str::from_utf8(key).unwrap());
        let next_key = format!("k{:05}", last[1..].parse::<u32>().unwrap() + 1);
        assert_eq!(store.run("DEL", &[&next_key]), Reply::Integer(1));
        removed += 1;
        store.run("SET", &["a", "new"]);
    }
    assert!(found.is_sorted());
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
    assert_eq!(found.len(), 1_000 - removed);
    store.close();
}

#[test]
fn a_cursor_may_be_used_again_until_it_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    fill(&store, 30);
    let (cursor, _) = scan(&store, &["0"]);
    let cursor = String::from_utf8_lossy(&cursor).into_owned();
    let second = scan(&store, &[&cursor]);
    assert_eq!(second.1.len(), 10);
    assert_eq!(scan(&store, &[&cursor]).1, second.1);
    let unknown = |cursor: &str| {
        Reply::failed(format!("cursor {cursor} is not known any more; begin again with 0"))
    };
    assert_eq!(store.run("SCAN", &["18446744073709551615"]), unknown("18446744073709551615"));
    // Iterations that begin remember one place together.
    for _ in 0..5_000 {
        scan(&store, &["0", "COUNT", "1"]);
    }
    assert_eq!(scan(&store, &[&cursor]).1, second.1);
    fill(&store, 5_000);
    let mut next = "0".to_owned();
    for _ in 0..4_500 {
        next = String::from_utf8_lossy(&scan(&store, &[&next, "COUNT", "1"]).0).into_owned();
    }
    assert_eq!(store.run("SCAN", &[&cursor]), unknown(&cursor));
    store.close();
}

#[test]
fn a_long_reply_is_given_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(Options { max_reply: 1_000, ..options(directory.path()) });
    fill(&store, 300);
    let (cursor, keys) = scan(&store, &["0", "COUNT", "1000"]);
    assert_ne!(cursor, "0");
    assert_eq!(keys.len(), 1_000 / 14);
    let cursor = String::from_utf8_lossy(&cursor).into_owned();
    let (_, more) = scan(&store, &[&cursor, "COUNT", "1"]);
    assert_eq!(more, [format!("k{:05}", keys.len())]);
    store.run("SET", &["a".repeat(1_001), "v".to_owned()]);
    assert_eq!(store.run("SCAN", &["0"]), Reply::failed("reply longer than 1000 bytes"));
    store.close();
}

#[test]
fn a_batch_and_a_transaction_find_what_they_changed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    store.batch(["a", "c", "e"].map(|key| operation("SET", &[key, "1"])).to_vec());
    let batch: Vec<Operation> = vec![
        operation("SET", &["b", "1"]),
        operation("SET", &["f", "1"]),
        operation("DEL", &["c"]),
        operation("SET", &["e", "1", "EXAT", "1"]),
        operation("SCAN", &["0"]),
    ];
    let Reply::Array(mut replies) = store.transact(None, batch.clone()) else { panic!("an array") };
    let found = parts(replies.pop().unwrap());
    assert_eq!(found, ("0".into(), ["a", "b", "f"].map(Bytes::from).to_vec()));
    store.batch(["c", "e"].map(|key| operation("SET", &[key, "1"])).to_vec());
    assert_eq!(parts(store.batch(batch).pop().unwrap()), found);
    store.close();
}

#[test]
fn a_random_key_is_found_among_expired_ones() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    fill(&store, 200);
    let expired = (0..200)
        .filter(|n| *n != 77)
        .map(|n| operation("PEXPIRE", &[format!("k{n:05}"), "1".to_owned()]));
    store.batch(expired.collect());
    crate::support::wait_until(|| store.ask("DBSIZE") == Reply::Integer(1));
    for _ in 0..20 {
        assert_eq!(store.ask("RANDOMKEY"), value("k00077"));
    }
    store.close();
}

#[test]
fn an_iteration_goes_on_after_the_store_was_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    fill(&store, 100);
    let (mut cursor, mut found) = scan(&store, &["0"]);
    store.close();
    while cursor != "0" {
        let store = Opened::new(options(directory.path()));
        let text = String::from_utf8_lossy(&cursor).into_owned();
        let (next, keys) = scan(&store, &[&text]);
        (cursor, found) = (next, [found, keys].concat());
        store.close();
    }
    assert_eq!(found.len(), 100);
    assert!(found.is_sorted());
}
