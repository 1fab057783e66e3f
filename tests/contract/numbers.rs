//! Counting.

use kvsock::message::Reply;

use crate::engine::{Subject, value};

pub(crate) async fn counting_begins_at_zero(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("INCR", &[b"up"]).await, Reply::Integer(1));
    assert_eq!(store.one("DECR", &[b"down"]).await, Reply::Integer(-1));
    assert_eq!(store.get("down").await, value("-1"));
}

pub(crate) async fn counting_goes_both_ways(subject: &Subject) {
    let store = subject.open();
    store.set("n", "41").await;
    assert_eq!(store.one("INCR", &[b"n"]).await, Reply::Integer(42));
    assert_eq!(store.one("DECR", &[b"n"]).await, Reply::Integer(41));
}

pub(crate) async fn counting_keeps_the_expiry(subject: &Subject) {
    let store = subject.open();
    store.one("SETEX", &[b"n", b"100", b"1"]).await;
    store.one("INCR", &[b"n"]).await;
    let Reply::Integer(left) = store.one("TTL", &[b"n"]).await else { panic!("a number") };
    assert!((98..=100).contains(&left), "{left}");
}

pub(crate) async fn counting_refuses_what_is_no_number(subject: &Subject) {
    let store = subject.open();
    for text in ["x", "", " 1", "1 ", "1.0", "+1", "01", "-", "-0", "9223372036854775808"] {
        store.set("n", text).await;
        for name in ["INCR", "DECR"] {
            let reply = store.one(name, &[b"n"]).await;
            let expected = Reply::failed("value is not an integer or out of range");
            assert_eq!(reply, expected, "{text:?}");
        }
        assert_eq!(store.get("n").await, value(text));
    }
}

pub(crate) async fn counting_refuses_to_overflow(subject: &Subject) {
    let store = subject.open();
    let overflow = Reply::failed("increment or decrement would overflow");
    store.set("n", i64::MAX.to_string()).await;
    assert_eq!(store.one("INCR", &[b"n"]).await, overflow);
    store.set("n", i64::MIN.to_string()).await;
    assert_eq!(store.one("DECR", &[b"n"]).await, overflow);
    assert_eq!(store.get("n").await, value(i64::MIN.to_string()));
}
