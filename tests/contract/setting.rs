//! `SET` with its options, and its kin.

use kvsock::message::Reply;

use crate::engine::{Subject, error, list, pairs, value};

const SYNTAX: &str = "syntax error";
const NO_NUMBER: &str = "value is not an integer or out of range";
const SET_TIME: &str = "invalid expire time in 'set' command";
const GETEX_TIME: &str = "invalid expire time in 'getex' command";

pub(crate) async fn set_heeds_whether_the_key_exists(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["k", "1", "XX"], Reply::Nil),
        ("SET", &["k", "1", "NX"], Reply::OK),
        ("SET", &["k", "2", "nx"], Reply::Nil),
        ("GET", &["k"], value("1")),
        ("SET", &["k", "3", "XX"], Reply::OK),
        ("SET", &["k", "4", "GET"], value("3")),
        ("SET", &["none", "4", "XX", "GET"], Reply::Nil),
        ("EXISTS", &["none"], Reply::Integer(0)),
        ("SET", &["k", "5", "NX", "GET"], value("4")),
        ("GET", &["k"], value("4")),
        ("SET", &["new", "6", "NX", "GET"], Reply::Nil),
        ("GET", &["new"], value("6")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn set_takes_or_keeps_an_expiry(subject: &Subject) {
    let store = subject.open();
    let never = Reply::Integer(-1);
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["k", "1", "EXAT", "99999999999"], Reply::OK),
        ("EXPIRETIME", &["k"], Reply::Integer(99_999_999_999)),
        ("SET", &["k", "2", "KEEPTTL"], Reply::OK),
        ("EXPIRETIME", &["k"], Reply::Integer(99_999_999_999)),
        ("SET", &["k", "3"], Reply::OK),
        ("EXPIRETIME", &["k"], never.clone()),
        ("SET", &["k", "4", "PXAT", "99999999999123"], Reply::OK),
        ("PEXPIRETIME", &["k"], Reply::Integer(99_999_999_999_123)),
        ("GETSET", &["k", "5"], value("4")),
        ("TTL", &["k"], never),
        ("SET", &["k", "8", "EXAT", "1"], Reply::OK),
        ("GET", &["k"], Reply::Nil),
    ];
    store.expect(steps).await;
}

pub(crate) async fn set_refuses_contradictions_before_bad_times(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["k", "v", "NX", "XX"], error(SYNTAX)),
        ("SET", &["k", "v", "EX"], error(SYNTAX)),
        ("SET", &["k", "v", "EX", "abc", "FOO"], error(SYNTAX)),
        ("SET", &["k", "v", "EX", "1", "PX", "1"], error(SYNTAX)),
        ("SET", &["k", "v", "KEEPTTL", "EX", "1"], error(SYNTAX)),
        ("SET", &["k", "v", "PERSIST"], error(SYNTAX)),
        ("SET", &["k", "v", "EX", "1.5"], error(NO_NUMBER)),
        ("SET", &["k", "v", "XX", "EX", "abc"], error(NO_NUMBER)),
        ("SET", &["k", "v", "EX", "0"], error(SET_TIME)),
        ("SET", &["k", "v", "EXAT", "-1"], error(SET_TIME)),
        ("SET", &["k", "v", "PX", "9223372036854775807"], error(SET_TIME)),
        ("PSETEX", &["k", "0", "v"], error("invalid expire time in 'psetex' command")),
        ("EXISTS", &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn getex_changes_the_expiry_of_what_it_gets(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("GETEX", &["k", "EX", "abc"], Reply::Nil),
        ("GETEX", &["k", "FOO"], error(SYNTAX)),
        ("SET", &["k", "v"], Reply::OK),
        ("GETEX", &["k", "EXAT", "99999999999"], value("v")),
        ("GETEX", &["k"], value("v")),
        ("EXPIRETIME", &["k"], Reply::Integer(99_999_999_999)),
        ("GETEX", &["k", "PERSIST"], value("v")),
        ("TTL", &["k"], Reply::Integer(-1)),
        ("GETEX", &["k", "PX", "0"], error(GETEX_TIME)),
        ("GETEX", &["k", "PERSIST", "EX", "1"], error(SYNTAX)),
        ("GETEX", &["k", "PXAT", "1"], value("v")),
        ("EXISTS", &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn getdel_gets_and_removes(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("GETDEL", &["k"], Reply::Nil),
        ("SET", &["k", "v"], Reply::OK),
        ("GETDEL", &["k"], value("v")),
        ("EXISTS", &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn several_values_are_set_and_got_at_once(subject: &Subject) {
    let store = subject.open();
    let some = |text: &'static str| Some(text.into());
    let steps: &[(&str, &[&str], Reply)] = &[
        ("MSET", &["a", "1", "b", "2", "a", "3"], Reply::OK),
        (
            "MGET",
            &["a", "none", "b", "a"],
            Reply::List(vec![some("3"), None, some("2"), some("3")]),
        ),
        ("MSETNX", &["c", "1", "a", "2"], Reply::Integer(0)),
        ("EXISTS", &["c"], Reply::Integer(0)),
        ("MSETNX", &["c", "1", "c", "2"], Reply::Integer(1)),
        ("MGET", &["c"], list(["2"])),
        ("MSET", &["a", "1", "b"], error("wrong number of arguments for 'mset' command")),
        ("MSETNX", &["a", "1", "b"], error("wrong number of arguments for 'msetnx' command")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn what_stores_whole_values_counts_as_setting(subject: &Subject) {
    let store = subject.open();
    let three = pairs([("b", "2"), ("c", "3"), ("a", "1")]);
    let steps: &[(&str, &[&str], Reply)] = &[
        ("MSET", &["b", "2", "c", "3"], Reply::OK),
        ("SETNX", &["a", "1"], Reply::Integer(1)),
        ("LAST", &["9"], three.clone()),
        // None of these stores anything.
        ("SETNX", &["b", "x"], Reply::Integer(0)),
        ("SET", &["b", "x", "NX"], Reply::Nil),
        ("MSETNX", &["d", "x", "b", "x"], Reply::Integer(0)),
        ("COPY", &["a", "b"], Reply::Integer(0)),
        ("RENAMENX", &["a", "b"], Reply::Integer(0)),
        ("LAST", &["9"], three),
        // These change a part.
        ("APPEND", &["b", "0"], Reply::Integer(2)),
        ("SETRANGE", &["c", "0", "4"], Reply::Integer(1)),
        ("INCRBYFLOAT", &["c", "1"], value("5")),
        ("LAST", &["9"], pairs([("b", "20"), ("c", "5"), ("a", "1")])),
        ("GETSET", &["b", "2"], value("20")),
        ("COPY", &["a", "d"], Reply::Integer(1)),
        ("RENAME", &["c", "e"], Reply::OK),
        ("PSETEX", &["a", "100000", "1"], Reply::OK),
        ("LAST", &["9"], pairs([("b", "2"), ("d", "1"), ("e", "5"), ("a", "1")])),
    ];
    store.expect(steps).await;
}
