//! `SET` with its options, and its kin.

use kvsock::message::Reply;
use kvsock::store::Verb;

use crate::engine::{Subject, error, list, pairs, value};

const SYNTAX: &str = "syntax error";
const NO_NUMBER: &str = "value is not an integer or out of range";
const SET_TIME: &str = "invalid expire time in 'set' command";
const GETEX_TIME: &str = "invalid expire time in 'getex' command";

pub(crate) async fn set_heeds_whether_the_key_exists(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Set, &["k", "1", "XX"], Reply::Nil),
        (Verb::Set, &["k", "1", "NX"], Reply::OK),
        (Verb::Set, &["k", "2", "nx"], Reply::Nil),
        (Verb::Get, &["k"], value("1")),
        (Verb::Set, &["k", "3", "XX"], Reply::OK),
        (Verb::Set, &["k", "4", "GET"], value("3")),
        (Verb::Set, &["none", "4", "XX", "GET"], Reply::Nil),
        (Verb::Exists, &["none"], Reply::Integer(0)),
        (Verb::Set, &["k", "5", "NX", "GET"], value("4")),
        (Verb::Get, &["k"], value("4")),
        (Verb::Set, &["new", "6", "NX", "GET"], Reply::Nil),
        (Verb::Get, &["new"], value("6")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn set_takes_or_keeps_an_expiry(subject: &Subject) {
    let store = subject.open();
    let never = Reply::Integer(-1);
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Set, &["k", "1", "EXAT", "99999999999"], Reply::OK),
        (Verb::ExpireTime, &["k"], Reply::Integer(99_999_999_999)),
        (Verb::Set, &["k", "2", "KEEPTTL"], Reply::OK),
        (Verb::ExpireTime, &["k"], Reply::Integer(99_999_999_999)),
        (Verb::Set, &["k", "3"], Reply::OK),
        (Verb::ExpireTime, &["k"], never.clone()),
        (Verb::Set, &["k", "4", "PXAT", "99999999999123"], Reply::OK),
        (Verb::PExpireTime, &["k"], Reply::Integer(99_999_999_999_123)),
        (Verb::GetSet, &["k", "5"], value("4")),
        (Verb::Ttl, &["k"], never),
        (Verb::Set, &["k", "8", "EXAT", "1"], Reply::OK),
        (Verb::Get, &["k"], Reply::Nil),
    ];
    store.expect(steps).await;
}

pub(crate) async fn set_refuses_contradictions_before_bad_times(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Set, &["k", "v", "NX", "XX"], error(SYNTAX)),
        (Verb::Set, &["k", "v", "EX"], error(SYNTAX)),
        (Verb::Set, &["k", "v", "EX", "abc", "FOO"], error(SYNTAX)),
        (Verb::Set, &["k", "v", "EX", "1", "PX", "1"], error(SYNTAX)),
        (Verb::Set, &["k", "v", "KEEPTTL", "EX", "1"], error(SYNTAX)),
        (Verb::Set, &["k", "v", "PERSIST"], error(SYNTAX)),
        (Verb::Set, &["k", "v", "EX", "1.5"], error(NO_NUMBER)),
        (Verb::Set, &["k", "v", "XX", "EX", "abc"], error(NO_NUMBER)),
        (Verb::Set, &["k", "v", "EX", "0"], error(SET_TIME)),
        (Verb::Set, &["k", "v", "EXAT", "-1"], error(SET_TIME)),
        (Verb::Set, &["k", "v", "PX", "9223372036854775807"], error(SET_TIME)),
        (Verb::PSetEx, &["k", "0", "v"], error("invalid expire time in 'psetex' command")),
        (Verb::Exists, &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn getex_changes_the_expiry_of_what_it_gets(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::GetEx, &["k", "EX", "abc"], Reply::Nil),
        (Verb::GetEx, &["k", "FOO"], error(SYNTAX)),
        (Verb::Set, &["k", "v"], Reply::OK),
        (Verb::GetEx, &["k", "EXAT", "99999999999"], value("v")),
        (Verb::GetEx, &["k"], value("v")),
        (Verb::ExpireTime, &["k"], Reply::Integer(99_999_999_999)),
        (Verb::GetEx, &["k", "PERSIST"], value("v")),
        (Verb::Ttl, &["k"], Reply::Integer(-1)),
        (Verb::GetEx, &["k", "PX", "0"], error(GETEX_TIME)),
        (Verb::GetEx, &["k", "PERSIST", "EX", "1"], error(SYNTAX)),
        (Verb::GetEx, &["k", "PXAT", "1"], value("v")),
        (Verb::Exists, &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn getdel_gets_and_removes(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::GetDel, &["k"], Reply::Nil),
        (Verb::Set, &["k", "v"], Reply::OK),
        (Verb::GetDel, &["k"], value("v")),
        (Verb::Exists, &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn several_values_are_set_and_got_at_once(subject: &Subject) {
    let store = subject.open();
    let some = |text: &'static str| Some(text.into());
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::MSet, &["a", "1", "b", "2", "a", "3"], Reply::OK),
        (
            Verb::MGet,
            &["a", "none", "b", "a"],
            Reply::List(vec![some("3"), None, some("2"), some("3")]),
        ),
        (Verb::MSetNx, &["c", "1", "a", "2"], Reply::Integer(0)),
        (Verb::Exists, &["c"], Reply::Integer(0)),
        (Verb::MSetNx, &["c", "1", "c", "2"], Reply::Integer(1)),
        (Verb::MGet, &["c"], list(["2"])),
        (Verb::MSet, &["a", "1", "b"], error("wrong number of arguments for 'mset' command")),
        (Verb::MSetNx, &["a", "1", "b"], error("wrong number of arguments for 'msetnx' command")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn what_stores_whole_values_counts_as_setting(subject: &Subject) {
    let store = subject.open();
    let three = pairs([("b", "2"), ("c", "3"), ("a", "1")]);
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::MSet, &["b", "2", "c", "3"], Reply::OK),
        (Verb::SetNx, &["a", "1"], Reply::Integer(1)),
        (Verb::Last, &["9"], three.clone()),
        // None of these stores anything.
        (Verb::SetNx, &["b", "x"], Reply::Integer(0)),
        (Verb::Set, &["b", "x", "NX"], Reply::Nil),
        (Verb::MSetNx, &["d", "x", "b", "x"], Reply::Integer(0)),
        (Verb::Copy, &["a", "b"], Reply::Integer(0)),
        (Verb::RenameNx, &["a", "b"], Reply::Integer(0)),
        (Verb::Last, &["9"], three),
        // These change a part.
        (Verb::Append, &["b", "0"], Reply::Integer(2)),
        (Verb::SetRange, &["c", "0", "4"], Reply::Integer(1)),
        (Verb::IncrByFloat, &["c", "1"], value("5")),
        (Verb::Last, &["9"], pairs([("b", "20"), ("c", "5"), ("a", "1")])),
        (Verb::GetSet, &["b", "2"], value("20")),
        (Verb::Copy, &["a", "d"], Reply::Integer(1)),
        (Verb::Rename, &["c", "e"], Reply::OK),
        (Verb::PSetEx, &["a", "100000", "1"], Reply::OK),
        (Verb::Last, &["9"], pairs([("b", "2"), ("d", "1"), ("e", "5"), ("a", "1")])),
    ];
    store.expect(steps).await;
}
