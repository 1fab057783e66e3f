//! Keys as a whole: copied, renamed, expiring, described.

use kvsock::message::Reply;
use kvsock::store::Verb;

use crate::engine::{Subject, error, value};

const NO_NUMBER: &str = "value is not an integer or out of range";

pub(crate) async fn keys_are_told_and_removed(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::MSet, &["a", "1", "b", "2"], Reply::OK),
        (Verb::Touch, &["a", "a", "none"], Reply::Integer(2)),
        (Verb::Type, &["a"], Reply::Status("string")),
        (Verb::Type, &["none"], Reply::Status("none")),
        (Verb::Unlink, &["a", "a", "none"], Reply::Integer(1)),
        (Verb::Exists, &["a", "b"], Reply::Integer(1)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_copy_has_value_and_expiry(subject: &Subject) {
    let store = subject.open();
    let same = "source and destination objects are the same";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Set, &["a", "1", "EXAT", "99999999999"], Reply::OK),
        (Verb::Copy, &["a", "b"], Reply::Integer(1)),
        (Verb::Get, &["b"], value("1")),
        (Verb::ExpireTime, &["b"], Reply::Integer(99_999_999_999)),
        (Verb::Set, &["a", "2"], Reply::OK),
        (Verb::Copy, &["a", "b"], Reply::Integer(0)),
        (Verb::Copy, &["a", "b", "replace"], Reply::Integer(1)),
        (Verb::Get, &["b"], value("2")),
        (Verb::Ttl, &["b"], Reply::Integer(-1)),
        (Verb::Copy, &["none", "b"], Reply::Integer(0)),
        (Verb::Copy, &["none", "none"], error(same)),
        (Verb::Copy, &["a", "a", "FOO"], error("syntax error")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_renamed_key_keeps_value_and_expiry(subject: &Subject) {
    let store = subject.open();
    let missing = "no such key";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Rename, &["none", "none"], error(missing)),
        (Verb::RenameNx, &["none", "b"], error(missing)),
        (Verb::Set, &["a", "1", "EXAT", "99999999999"], Reply::OK),
        (Verb::Rename, &["a", "a"], Reply::OK),
        (Verb::RenameNx, &["a", "a"], Reply::Integer(0)),
        (Verb::Set, &["b", "2"], Reply::OK),
        (Verb::RenameNx, &["a", "b"], Reply::Integer(0)),
        (Verb::Rename, &["a", "b"], Reply::OK),
        (Verb::Exists, &["a"], Reply::Integer(0)),
        (Verb::Get, &["b"], value("1")),
        (Verb::ExpireTime, &["b"], Reply::Integer(99_999_999_999)),
        (Verb::RenameNx, &["b", "c"], Reply::Integer(1)),
        (Verb::Size, &[], Reply::Integer(1)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn an_expiry_is_set_at_a_moment(subject: &Subject) {
    let store = subject.open();
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::PTtl, &["k"], Reply::Integer(-2)),
        (Verb::ExpireTime, &["k"], Reply::Integer(-2)),
        (Verb::ExpireAt, &["k", "99999999999"], Reply::Integer(0)),
        (Verb::Set, &["k", "v"], Reply::OK),
        (Verb::PExpireTime, &["k"], Reply::Integer(-1)),
        (Verb::PExpireAt, &["k", "99999999999499"], Reply::Integer(1)),
        (Verb::ExpireTime, &["k"], Reply::Integer(99_999_999_999)),
        (Verb::PExpireAt, &["k", "99999999999500"], Reply::Integer(1)),
        (Verb::ExpireTime, &["k"], Reply::Integer(100_000_000_000)),
        (Verb::PExpireAt, &["k", "9223372036854775807"], Reply::Integer(1)),
        (Verb::PExpireTime, &["k"], Reply::Integer(i64::MAX)),
        (
            Verb::ExpireAt,
            &["k", "9223372036854776"],
            error("invalid expire time in 'expireat' command"),
        ),
        (
            Verb::PExpire,
            &["k", "9223372036854775807"],
            error("invalid expire time in 'pexpire' command"),
        ),
        (Verb::PExpireAt, &["k", "x"], error(NO_NUMBER)),
        (Verb::PExpireAt, &["k", "-5"], Reply::Integer(1)),
        (Verb::Exists, &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn an_expiry_is_set_for_a_while(subject: &Subject) {
    let store = subject.open();
    store.set("k", "v").await;
    let sets: &[(Verb, &[&str])] = &[
        (Verb::Expire, &["k", "100"]),
        (Verb::PExpire, &["k", "100000"]),
        (Verb::Set, &["k", "v", "EX", "100"]),
        (Verb::Set, &["k", "v", "PX", "100000"]),
        (Verb::PSetEx, &["k", "100000", "v"]),
        (Verb::GetEx, &["k", "EX", "100"]),
    ];
    for (verb, args) in sets {
        store.one(Verb::Persist, &[b"k"]).await;
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        store.one(*verb, &args).await;
        let left = store.one(Verb::PTtl, &[b"k"]).await;
        assert!(matches!(left, Reply::Integer(90_000..=100_000)), "{verb:?}: {left:?}");
    }
}

pub(crate) async fn an_expiry_is_changed_on_conditions(subject: &Subject) {
    let store = subject.open();
    let (early, middle, late) = ("99999999997", "99999999998", "99999999999");
    let (no, yes) = (Reply::Integer(0), Reply::Integer(1));
    let nx = "NX and XX, GT or LT options at the same time are not compatible";
    let both = "GT and LT options at the same time are not compatible";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Set, &["k", "v"], Reply::OK),
        (Verb::ExpireAt, &["k", middle, "XX"], no.clone()),
        (Verb::ExpireAt, &["k", middle, "GT"], no.clone()),
        (Verb::ExpireAt, &["k", middle, "NX"], yes.clone()),
        (Verb::ExpireAt, &["k", late, "nx"], no.clone()),
        (Verb::ExpireAt, &["k", middle, "GT"], no.clone()),
        (Verb::ExpireAt, &["k", late, "XX", "GT"], yes.clone()),
        (Verb::ExpireAt, &["k", late, "LT"], no.clone()),
        (Verb::ExpireAt, &["k", early, "LT"], yes.clone()),
        (Verb::ExpireTime, &["k"], Reply::Integer(99_999_999_997)),
        (Verb::ExpireAt, &["k", "1", "NX"], no.clone()),
        (Verb::Exists, &["k"], yes.clone()),
        (Verb::ExpireAt, &["k", "1", "LT"], yes),
        (Verb::Exists, &["k"], no),
        (Verb::Expire, &["k", "abc", "FOO"], error("Unsupported option FOO")),
        (Verb::Expire, &["k", "10", "GT", "LT", "NX"], error(nx)),
        (Verb::Expire, &["k", "10", "GT", "LT"], error(both)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_value_tells_its_encoding(subject: &Subject) {
    let store = subject.open();
    let long = "a".repeat(45);
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::MSet, &["n", "-7", "short", "1.5", "long", &long], Reply::OK),
        (Verb::Object, &["ENCODING", "n"], value("int")),
        (Verb::Object, &["encoding", "short"], value("embstr")),
        (Verb::Object, &["ENCODING", "long"], value("raw")),
        (Verb::Object, &["ENCODING", "none"], Reply::Nil),
        (Verb::Object, &["REFCOUNT", "long"], Reply::Integer(1)),
        (Verb::Object, &["IDLETIME", "long"], Reply::Integer(0)),
        (Verb::Object, &["FREQ", "none"], Reply::Nil),
        (Verb::MemoryUsage, &["USAGE", "none"], Reply::Nil),
        (Verb::MemoryUsage, &["USAGE", "n", "SAMPLES"], error("syntax error")),
        (Verb::MemoryUsage, &["USAGE", "n", "SAMPLES", "x"], error(NO_NUMBER)),
    ];
    store.expect(steps).await;
    let usage = store.one(Verb::MemoryUsage, &[b"USAGE", b"long", b"SAMPLES", b"5"]).await;
    assert!(matches!(usage, Reply::Integer(46..=1000)), "{usage:?}");
    let Reply::Error(error) = store.one(Verb::Object, &[b"FREQ", b"n"]).await else {
        panic!("an error")
    };
    assert!(error.to_string().starts_with("An LFU maxmemory policy is not selected"), "{error}");
}
