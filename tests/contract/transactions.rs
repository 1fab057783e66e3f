//! Transactions, and the keys that they depend on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Operation, Watch};

use crate::engine::{Opened, Subject, operation, value};

async fn watch(store: &Opened, watch: Option<Watch>, keys: &[&str]) -> Watch {
    let keys = keys.iter().map(|key| Bytes::copy_from_slice(key.as_bytes())).collect();
    store.0.watch(watch, keys).await.expect("the keys are watched")
}

/// Whether a transaction takes place that depends on `watch`.
async fn takes_place(store: &Opened, watch: Watch) -> bool {
    match store.0.transact(Some(watch), vec![operation("PING", &[])]).await {
        Reply::NilList => false,
        reply => {
            assert_eq!(reply, Reply::Array(vec![Reply::Status("PONG")]));
            true
        }
    }
}

pub(crate) async fn a_transaction_replies_to_each_operation(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.0.transact(None, Vec::new()).await, Reply::Array(vec![]));
    let batch = vec![
        operation("SET", &[b"a", b"x"]),
        operation("INCR", &[b"a"]),
        operation("GET", &[b"\0kvsock:last"]),
        operation("SET", &[b"a", b"1", b"FOO"]),
        operation("APPEND", &[b"a", b"y"]),
        operation("GET", &[b"a"]),
        operation("MGET", &[b"a", b"none"]),
        operation("GET", &[b"none"]),
    ];
    let expected = Reply::Array(vec![
        Reply::OK,
        Reply::failed("value is not an integer or out of range"),
        Reply::failed("key is reserved for kvsock"),
        Reply::failed("syntax error"),
        Reply::Integer(2),
        value("xy"),
        Reply::List(vec![Some("xy".into()), None]),
        Reply::Nil,
    ]);
    assert_eq!(store.0.transact(None, batch).await, expected);
    assert_eq!(store.get("a").await, value("xy"));
    let last = Reply::Pairs(vec![("a".into(), "xy".into())]);
    assert_eq!(store.one("LAST", &[b"9"]).await, last);
}

pub(crate) async fn nobody_sees_a_part_of_a_transaction(subject: &Subject) {
    let store = Arc::new(subject.open().0);
    let writers = ["a", "b"].map(|name| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..30 {
                let text = format!("{name}{round}");
                let batch: Vec<Operation> = (0..50)
                    .map(|key| operation("SET", &[format!("k{key}").as_bytes(), text.as_bytes()]))
                    .collect();
                let Reply::Array(replies) = store.transact(None, batch).await else {
                    panic!("an array")
                };
                assert!(replies.iter().all(|reply| *reply == Reply::OK));
            }
        })
    });
    let names: Vec<String> = (0..50).map(|key| format!("k{key}")).collect();
    let keys: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let replies = store.execute(vec![operation("MGET", &keys)]).await;
        let [Reply::List(values)] = &replies[..] else { panic!("{replies:?}") };
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.expect("the task ends well");
    }
}

pub(crate) async fn a_change_of_a_watched_key_ends_a_transaction(subject: &Subject) {
    let store = subject.open();
    let changes: &[(&str, &[&str])] = &[
        ("SET", &["a", "1"]),
        ("APPEND", &["a", ""]),
        ("INCRBY", &["a", "0"]),
        ("EXPIRE", &["a", "100"]),
        ("PERSIST", &["a"]),
        ("RENAME", &["b", "a"]),
        ("COPY", &["c", "a", "REPLACE"]),
        ("GETEX", &["a", "EX", "100"]),
        ("EXPIRE", &["a", "-1"]),
        ("SETBIT", &["a", "1", "1"]),
        ("DEL", &["a"]),
        ("SETNX", &["a", "1"]),
        ("FLUSHDB", &[]),
    ];
    store.one("MSET", &[b"a", b"1", b"b", b"1", b"c", b"1"]).await;
    for (name, args) in changes {
        let watched = watch(&store, None, &["x", "a"]).await;
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let reply = store.one(name, &args).await;
        assert!(!matches!(reply, Reply::Error(_)), "{name}: {reply:?}");
        let batch = vec![operation("SET", &[b"done", b"1"])];
        let reply = store.0.transact(Some(watched), batch).await;
        assert_eq!(reply, Reply::NilList, "{name} {args:?}");
        assert_eq!(store.get("done").await, Reply::Nil);
    }
}

pub(crate) async fn what_changes_nothing_lets_a_transaction_take_place(subject: &Subject) {
    let store = subject.open();
    let changes: &[(&str, &[&str])] = &[
        ("GET", &["a"]),
        ("SET", &["other", "1"]),
        ("DEL", &["none"]),
        ("SETNX", &["a", "2"]),
        ("SET", &["a", "2", "NX"]),
        ("SET", &["none", "2", "XX"]),
        ("PERSIST", &["a"]),
        ("TOUCH", &["a"]),
        ("RENAME", &["a", "a"]),
        ("COPY", &["other", "a"]),
        ("RENAMENX", &["other", "a"]),
        ("SETRANGE", &["a", "0", ""]),
        ("SETBIT", &["a", "1", "0"]),
        ("GETEX", &["a", "PERSIST"]),
        ("EXPIRE", &["a", "100", "XX"]),
        ("APPEND", &["other", ""]),
    ];
    store.set("a", "x").await;
    store.one("SETBIT", &[b"a", b"1", b"0"]).await;
    for (name, args) in changes {
        let watched = watch(&store, None, &["a", "none"]).await;
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        store.one(name, &args).await;
        assert!(takes_place(&store, watched).await, "{name} {args:?}");
    }
    let watched = watch(&store, None, &["none"]).await;
    store.one("FLUSHDB", &[]).await;
    assert!(takes_place(&store, watched).await);
}

pub(crate) async fn a_change_and_its_undoing_are_changes(subject: &Subject) {
    let store = subject.open();
    let watched = watch(&store, None, &["none"]).await;
    store.set("none", "1").await;
    store.one("DEL", &[b"none"]).await;
    assert!(!takes_place(&store, watched).await);
}

pub(crate) async fn watched_keys_add_up(subject: &Subject) {
    let store = subject.open();
    let first = watch(&store, None, &["a"]).await;
    store.set("b", "1").await;
    let both = watch(&store, Some(first), &["b"]).await;
    assert!(takes_place(&store, both).await);
    let first = watch(&store, None, &["a"]).await;
    store.set("a", "1").await;
    let both = watch(&store, Some(first), &["b"]).await;
    assert!(!takes_place(&store, both).await);
}

pub(crate) async fn a_watch_is_forgotten_when_it_is_dropped(subject: &Subject) {
    let store = subject.open();
    for _ in 0..50 {
        drop(watch(&store, None, &["a"]).await);
    }
    store.set("a", "1").await;
    let watched = watch(&store, None, &["a"]).await;
    assert!(takes_place(&store, watched).await);
    assert_eq!(store.0.transact(None, Vec::new()).await, Reply::Array(vec![]));
}

pub(crate) async fn a_watched_key_that_expires_is_a_change(subject: &Subject) {
    let store = subject.open();
    let gone = async |key: &str| {
        let begin = Instant::now();
        while store.get(key).await != Reply::Nil {
            assert!(begin.elapsed() < Duration::from_secs(30), "it stays");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    store.one("PSETEX", &[b"brief", b"1000", b"1"]).await;
    let watched = watch(&store, None, &["brief"]).await;
    gone("brief").await;
    assert!(!takes_place(&store, watched).await);
    // What had expired already does not change any more.
    store.one("PSETEX", &[b"gone", b"1", b"1"]).await;
    gone("gone").await;
    let watched = watch(&store, None, &["gone"]).await;
    // Time for the store to remove it for good, which nobody can see.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(takes_place(&store, watched).await);
}

pub(crate) async fn only_one_of_several_clients_wins(subject: &Subject) {
    let store = Arc::new(subject.open());
    store.set("n", "0").await;
    let clients = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut done = 0;
            while done < 10 {
                let watched = watch(&store, None, &["n"]).await;
                let Reply::Value(text) = store.get("n").await else { panic!("a value") };
                let text = String::from_utf8_lossy(&text);
                let next = text.parse::<u32>().expect("a number") + 1;
                let set = operation("SET", &[b"n", next.to_string().as_bytes()]);
                match store.0.transact(Some(watched), vec![set]).await {
                    Reply::NilList => {}
                    reply => {
                        assert_eq!(reply, Reply::Array(vec![Reply::OK]));
                        done += 1;
                    }
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("the task ends well");
    }
    assert_eq!(store.get("n").await, value("40"));
}

pub(crate) async fn the_index_cannot_be_watched(subject: &Subject) {
    let store = subject.open();
    let keys = vec![Bytes::from_static(b"a"), Bytes::from_static(b"\0kvsock:last")];
    let refused = store.0.watch(None, keys).await.expect_err("no watch");
    assert_eq!(refused, ErrorReply::Failed("key is reserved for kvsock".into()));
}

pub(crate) async fn a_watch_past_its_limit_lets_nothing_take_place(subject: &Subject) {
    let store = subject.open_with(|options| options.watch_limit = Duration::ZERO);
    let watched = watch(&store, None, &["a"]).await;
    assert!(!takes_place(&store, watched).await);
    assert!(store.0.transact(None, vec![operation("SET", &[b"a", b"1"])]).await != Reply::NilList);
}
