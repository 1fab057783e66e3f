//! All keys at once: listed, counted, removed.

use kvsock::message::Reply;
use kvsock::store::Operation;

use crate::engine::{Opened, Subject, list, operation};

async fn fill(store: &Opened, keys: impl IntoIterator<Item = String>) {
    let batch: Vec<Operation> =
        keys.into_iter().map(|key| operation("SET", &[key.as_bytes(), b"x"])).collect();
    assert!(store.0.execute(batch).await.iter().all(|reply| *reply == Reply::OK));
}

async fn keys(store: &Opened, pattern: &str) -> Reply {
    store.one("KEYS", &[pattern.as_bytes()]).await
}

pub(crate) async fn keys_are_sorted_by_bytes_and_come_once(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("KEYS", &[]).await, list([]));
    let mut expected: Vec<String> = (0..5000).map(|number| format!("key{number}")).collect();
    fill(&store, expected.clone()).await;
    expected.sort();
    let Reply::List(found) = store.one("KEYS", &[]).await else { panic!("a list") };
    let found: Vec<_> = found.into_iter().flatten().collect();
    assert_eq!(found, expected);
}

pub(crate) async fn a_pattern_chooses_keys(subject: &Subject) {
    let store = subject.open();
    fill(&store, ["user:1", "user:2", "users", "motd"].map(str::to_owned)).await;
    assert_eq!(keys(&store, "user:*").await, list(["user:1", "user:2"]));
    assert_eq!(keys(&store, "*").await, list(["motd", "user:1", "user:2", "users"]));
    assert_eq!(keys(&store, "motd").await, list(["motd"]));
    assert_eq!(keys(&store, "mot").await, list([]));
}

pub(crate) async fn patterns_are_those_of_valkey(subject: &Subject) {
    let store = subject.open();
    fill(&store, ["hello", "hallo", "hxllo", "hllo", "h*llo", "heello"].map(str::to_owned)).await;
    for (pattern, expected) in [
        ("h?llo", vec!["h*llo", "hallo", "hello", "hxllo"]),
        ("h[ae]llo", vec!["hallo", "hello"]),
        ("h[^e]llo", vec!["h*llo", "hallo", "hxllo"]),
        ("h[a-e]llo", vec!["hallo", "hello"]),
        ("h\\*llo", vec!["h*llo"]),
        ("h*llo", vec!["h*llo", "hallo", "heello", "hello", "hllo", "hxllo"]),
        ("H*", vec![]),
    ] {
        let expected = expected.into_iter().map(|key| Some(key.as_bytes().into())).collect();
        assert_eq!(keys(&store, pattern).await, Reply::List(expected), "{pattern}");
    }
    // Bytes are signed.
    store.set(b"h\xffllo", "x").await;
    let found = store.one("KEYS", &[b"h[!-\xff]llo"]).await;
    assert_eq!(found, Reply::List(vec![Some(b"h\xffllo"[..].into())]));
}

pub(crate) async fn the_index_is_not_a_key(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    // Writes the index.
    store.one("LAST", &[b"1"]).await;
    assert_eq!(store.one("KEYS", &[]).await, list(["a"]));
    assert_eq!(keys(&store, "*last*").await, list([]));
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(1));
}

pub(crate) async fn size_counts_every_key_once(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(0));
    fill(&store, (0..50).map(|number| format!("{}", number % 25))).await;
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(25));
    store.one("DEL", &[b"1"]).await;
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(24));
}

pub(crate) async fn clear_removes_every_key(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("FLUSHDB", &[]).await, Reply::OK);
    fill(&store, (0..3000).map(|number| number.to_string())).await;
    assert_eq!(store.one("FLUSHDB", &[]).await, Reply::OK);
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(0));
    assert_eq!(store.one("KEYS", &[]).await, list([]));
    assert_eq!(store.get("1").await, Reply::Nil);
}
