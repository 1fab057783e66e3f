//! What is refused.

use std::time::{Duration, Instant};

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::Health;

use crate::engine::{Subject, operation, value};

pub(crate) async fn keys_of_the_index_are_refused(subject: &Subject) {
    let store = subject.open();
    let refused = Reply::failed("key is reserved for kvsock");
    for key in [&b"\0kvsock:last"[..], b"nested:\0kvsock:last"] {
        assert_eq!(store.one("GET", &[key]).await, refused);
        assert_eq!(store.one("SET", &[key, b"x"]).await, refused);
        assert_eq!(store.one("DEL", &[b"a", key]).await, refused);
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
    assert!(matches!(store.one("KEYS", &[]).await, Reply::List(_)));
    store.set(vec![b'k'; 1001], "x").await;
    let refused = Reply::failed("reply longer than 1000 bytes; use SCAN");
    assert_eq!(store.one("KEYS", &[]).await, refused);
}

pub(crate) async fn last_longer_than_a_reply_may_be_is_refused(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 1000);
    for key in ["a", "b", "c"] {
        store.set(key, vec![b'x'; 400]).await;
    }
    assert!(matches!(store.one("LAST", &[b"2"]).await, Reply::Pairs(_)));
    let refused = Reply::failed("reply longer than 1000 bytes");
    assert_eq!(store.one("LAST", &[b"3"]).await, refused);
}

pub(crate) async fn a_reply_may_be_as_long_as_it_likes_without_a_limit(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 0);
    store.set("k", vec![b'x'; 2000]).await;
    assert_eq!(store.get("k").await, value(vec![b'x'; 2000]));
    assert_eq!(store.one("SETRANGE", &[b"k", b"2999", b"x"]).await, Reply::Integer(3000));
    let text = "string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(store.one("SETRANGE", &[b"k", b"536870912", b"x"]).await, Reply::failed(text));
    let text = "bit offset is not an integer or out of range";
    assert_eq!(store.one("SETBIT", &[b"k", b"4294967296", b"1"]).await, Reply::failed(text));
}

pub(crate) async fn a_short_request_makes_no_value_that_no_reply_could_hold(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 1000);
    let refused =
        || Reply::failed("value longer than KVSOCK_MAX_REPLY lets a reply be, 1000 bytes");
    store
        .expect(&[
            ("SETBIT", &["k", "4294967295", "1"], refused()),
            ("SETBIT", &["k", "8000", "0"], refused()),
            ("SETRANGE", &["k", "536870911", "x"], refused()),
            ("SETRANGE", &["k", "998", "xyz"], refused()),
            ("EXISTS", &["k"], Reply::Integer(0)),
            ("SETBIT", &["k", "7999", "1"], Reply::Integer(0)),
            ("SETRANGE", &["k", "997", "xyz"], Reply::Integer(1000)),
            ("SETRANGE", &["k", "5000", ""], Reply::Integer(1000)),
        ])
        .await;
    let batch = vec![
        operation("SETBIT", &[b"{k}2", b"4294967295", b"1"]),
        operation("SET", &[b"{k}3", b"x"]),
        operation("SETRANGE", &[b"{k}2", b"1000", b"x"]),
    ];
    let replies = store.0.transact(None, batch).await;
    assert_eq!(replies, Reply::Array(vec![refused(), Reply::OK, refused()]));
    assert_eq!(store.one("EXISTS", &[b"{k}2"]).await, Reply::Integer(0));
}

pub(crate) async fn a_value_does_not_grow_past_what_a_reply_could_hold(subject: &Subject) {
    let store = subject.open_with(|options| options.max_reply = 1000);
    let refused =
        || Reply::failed("value longer than KVSOCK_MAX_REPLY lets a reply be, 1000 bytes");
    let [most, part] = [600, 400].map(|length| "x".repeat(length));
    store
        .expect(&[
            ("APPEND", &["k", &most], Reply::Integer(600)),
            ("APPEND", &["k", &most], refused()),
            ("STRLEN", &["k"], Reply::Integer(600)),
            ("APPEND", &["k", &part], Reply::Integer(1000)),
            ("APPEND", &["k", "x"], refused()),
            ("APPEND", &["k", ""], Reply::Integer(1000)),
            ("DEL", &["k"], Reply::Integer(1)),
            ("APPEND", &["k", "x"], Reply::Integer(1)),
        ])
        .await;
    // Also by requests of one batch, each of which is short.
    let append = || operation("APPEND", &[b"k2", part.as_bytes()]);
    let replies = store.0.execute(vec![append(), append(), append()]).await;
    assert_eq!(replies, [Reply::Integer(400), Reply::Integer(800), refused()]);
    // Within a transaction either the request is refused, or all of it.
    match store.0.transact(None, vec![append()]).await {
        Reply::Array(replies) => assert_eq!(replies, [refused()]),
        Reply::Error(ErrorReply::Coded(text)) => {
            let cause = "EXECABORT Transaction discarded because of: ERR value longer than";
            assert!(text.starts_with(cause), "{text}");
        }
        reply => panic!("{reply:?}"),
    }
    assert_eq!(store.one("STRLEN", &[b"k2"]).await, Reply::Integer(800));
}

pub(crate) async fn health_is_up_while_the_store_answers(subject: &Subject) {
    let store = subject.open();
    let begin = Instant::now();
    while store.0.health() != Health::Up {
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", store.0.health());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
