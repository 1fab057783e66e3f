//! What is refused.

use std::time::{Duration, Instant};

use kvsock::message::Reply;
use kvsock::store::{Health, Verb};

use crate::engine::{Subject, value};

pub(crate) async fn keys_of_the_index_are_refused(subject: &Subject) {
    let store = subject.open();
    let refused = Reply::failed("key is reserved for kvsock");
    for key in [&b"\0kvsock:last"[..], b"nested:\0kvsock:last"] {
        assert_eq!(store.one(Verb::Get, &[key]).await, refused);
        assert_eq!(store.one(Verb::Set, &[key, b"x"]).await, refused);
        assert_eq!(store.one(Verb::Del, &[b"a", key]).await, refused);
    }
    store.set("\0kvsock:last2", "x").await;
    assert_eq!(store.get("\0kvsock:last2").await, value("x"));
}

pub(crate) async fn a_value_longer_than_a_reply_may_be_is_refused(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 1000);
    store.set("fits", vec![b'x'; 1000]).await;
    store.set("long", vec![b'x'; 1001]).await;
    assert_eq!(store.get("fits").await, value(vec![b'x'; 1000]));
    assert_eq!(store.get("long").await, Reply::failed("reply longer than 1000 bytes"));
}

pub(crate) async fn keys_longer_than_a_reply_may_be_are_refused(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 1000);
    store.set("small", "x").await;
    assert!(matches!(store.one(Verb::Keys, &[]).await, Reply::List(_)));
    store.set(vec![b'k'; 1001], "x").await;
    let refused = Reply::failed("reply longer than 1000 bytes; use SCAN");
    assert_eq!(store.one(Verb::Keys, &[]).await, refused);
}

pub(crate) async fn last_longer_than_a_reply_may_be_is_refused(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 1000);
    for key in ["a", "b", "c"] {
        store.set(key, vec![b'x'; 400]).await;
    }
    assert!(matches!(store.one(Verb::Last, &[b"2"]).await, Reply::Pairs(_)));
    let refused = Reply::failed("reply longer than 1000 bytes");
    assert_eq!(store.one(Verb::Last, &[b"3"]).await, refused);
}

pub(crate) async fn health_is_up_while_the_store_answers(subject: &Subject) {
    let store = subject.open();
    let begin = Instant::now();
    while store.0.health() != Health::Up {
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", store.0.health());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
