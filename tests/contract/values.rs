//! Values and their expiry.

use std::time::{Duration, Instant};

use kvsock::message::Reply;

use crate::engine::{Subject, value};

const NO_NUMBER: &str = "value is not an integer or out of range";

pub(crate) async fn a_ping_is_answered(subject: &Subject) {
    assert_eq!(subject.open().one("PING", &[]).await, Reply::Status("PONG"));
}

pub(crate) async fn a_value_set_is_the_value_got(subject: &Subject) {
    let store = subject.open();
    store.set("motd", "hello   world").await;
    assert_eq!(store.get("motd").await, value("hello   world"));
}

pub(crate) async fn a_missing_key_has_no_value(subject: &Subject) {
    assert_eq!(subject.open().get("nobody").await, Reply::Nil);
}

pub(crate) async fn any_bytes_are_a_key_and_a_value(subject: &Subject) {
    let store = subject.open();
    let all: Vec<u8> = (0..=255).collect();
    store.set(&all, &all).await;
    assert_eq!(store.get(&all).await, value(&all));
    for byte in 0..=255_u8 {
        store.set([byte], [byte, byte]).await;
        assert_eq!(store.get([byte]).await, value([byte, byte]));
    }
}

pub(crate) async fn an_empty_value_is_a_value(subject: &Subject) {
    let store = subject.open();
    store.set("empty", "").await;
    assert_eq!(store.get("empty").await, value(""));
    assert_eq!(store.one("EXISTS", &[b"empty"]).await, Reply::Integer(1));
}

pub(crate) async fn an_empty_key_is_a_key(subject: &Subject) {
    let store = subject.open();
    store.set("", "x").await;
    assert_eq!(store.get("").await, value("x"));
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(1));
    assert_eq!(store.one("DEL", &[b""]).await, Reply::Integer(1));
}

pub(crate) async fn a_large_value_comes_back_whole(subject: &Subject) {
    let store = subject.open();
    let large: Vec<u8> = (0..5_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    store.set("large", &large).await;
    assert_eq!(store.get("large").await, value(&large));
}

pub(crate) async fn set_replaces_the_value_and_its_expiry(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("SETEX", &[b"k", b"100", b"old"]).await, Reply::OK);
    store.set("k", "new").await;
    assert_eq!(store.get("k").await, value("new"));
    assert_eq!(store.one("TTL", &[b"k"]).await, Reply::Integer(-1));
}

pub(crate) async fn removal_counts_the_keys_that_existed(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    store.set("b", "2").await;
    assert_eq!(store.one("DEL", &[b"a", b"b", b"c", b"a"]).await, Reply::Integer(2));
    assert_eq!(store.one("DEL", &[b"a"]).await, Reply::Integer(0));
    assert_eq!(store.get("a").await, Reply::Nil);
}

pub(crate) async fn exists_counts_a_key_as_often_as_it_is_named(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    assert_eq!(store.one("EXISTS", &[b"a", b"b", b"a"]).await, Reply::Integer(2));
    assert_eq!(store.one("EXISTS", &[b"b"]).await, Reply::Integer(0));
}

pub(crate) async fn an_expired_key_is_gone(subject: &Subject) {
    let store = subject.open();
    let begin = Instant::now();
    store.one("SETEX", &[b"k", b"2", b"v"]).await;
    assert_eq!(store.get("k").await, value("v"));
    while store.get("k").await != Reply::Nil {
        assert!(begin.elapsed() < Duration::from_secs(30), "it stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The two clocks are not one.
    assert!(begin.elapsed() > Duration::from_millis(1900), "it went too early");
    assert_eq!(store.one("EXISTS", &[b"k"]).await, Reply::Integer(0));
    assert_eq!(store.one("TTL", &[b"k"]).await, Reply::Integer(-2));
    assert_eq!(store.one("DEL", &[b"k"]).await, Reply::Integer(0));
}

pub(crate) async fn setex_sets_value_and_expiry(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("SETEX", &[b"k", b"100", b"v"]).await, Reply::OK);
    assert_eq!(store.get("k").await, value("v"));
    let Reply::Integer(left) = store.one("TTL", &[b"k"]).await else { panic!("a number") };
    assert!((98..=100).contains(&left), "{left}");
}

pub(crate) async fn setex_refuses_what_is_no_time(subject: &Subject) {
    let store = subject.open();
    store.set("k", "v").await;
    for seconds in ["0", "-1", "9223372036854775807"] {
        let reply = store.one("SETEX", &[b"k", seconds.as_bytes(), b"w"]).await;
        assert_eq!(reply, Reply::failed("invalid expire time in 'setex' command"), "{seconds}");
    }
    for seconds in ["x", "", "1.5", "9223372036854775808", " 1", "+1", "01"] {
        let reply = store.one("SETEX", &[b"k", seconds.as_bytes(), b"w"]).await;
        assert_eq!(reply, Reply::failed(NO_NUMBER), "{seconds}");
    }
    assert_eq!(store.get("k").await, value("v"));
}

pub(crate) async fn expire_tells_whether_the_key_exists(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("EXPIRE", &[b"k", b"100"]).await, Reply::Integer(0));
    store.set("k", "v").await;
    assert_eq!(store.one("EXPIRE", &[b"k", b"100"]).await, Reply::Integer(1));
    let Reply::Integer(left) = store.one("TTL", &[b"k"]).await else { panic!("a number") };
    assert!((98..=100).contains(&left), "{left}");
}

pub(crate) async fn expire_in_the_past_removes(subject: &Subject) {
    let store = subject.open();
    for seconds in ["0", "-1"] {
        store.set("k", "v").await;
        let reply = store.one("EXPIRE", &[b"k", seconds.as_bytes()]).await;
        assert_eq!(reply, Reply::Integer(1));
        assert_eq!(store.get("k").await, Reply::Nil);
    }
}

pub(crate) async fn expire_refuses_what_is_no_number(subject: &Subject) {
    let store = subject.open();
    store.set("k", "v").await;
    for seconds in ["x", "", "1.5"] {
        let reply = store.one("EXPIRE", &[b"k", seconds.as_bytes()]).await;
        assert_eq!(reply, Reply::failed(NO_NUMBER), "{seconds}");
    }
    let reply = store.one("EXPIRE", &[b"k", b"9223372036854775807"]).await;
    assert_eq!(reply, Reply::failed("invalid expire time in 'expire' command"));
    assert_eq!(store.one("TTL", &[b"k"]).await, Reply::Integer(-1));
}

pub(crate) async fn persist_removes_the_expiry(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("PERSIST", &[b"k"]).await, Reply::Integer(0));
    store.one("SETEX", &[b"k", b"100", b"v"]).await;
    assert_eq!(store.one("PERSIST", &[b"k"]).await, Reply::Integer(1));
    assert_eq!(store.one("PERSIST", &[b"k"]).await, Reply::Integer(0));
    assert_eq!(store.one("TTL", &[b"k"]).await, Reply::Integer(-1));
}

pub(crate) async fn ttl_tells_missing_from_lasting(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("TTL", &[b"k"]).await, Reply::Integer(-2));
    store.set("k", "v").await;
    assert_eq!(store.one("TTL", &[b"k"]).await, Reply::Integer(-1));
}
