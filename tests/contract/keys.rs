//! Keys as a whole: copied, renamed, expiring, described.

use kvsock::message::Reply;

use crate::engine::{Subject, error, value};

const NO_NUMBER: &str = "value is not an integer or out of range";

pub(crate) async fn keys_are_told_and_removed(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("MSET", &["a", "1", "b", "2"], Reply::OK),
        ("TOUCH", &["a", "a", "none"], Reply::Integer(2)),
        ("TYPE", &["a"], Reply::Status("string")),
        ("TYPE", &["none"], Reply::Status("none")),
        ("UNLINK", &["a", "a", "none"], Reply::Integer(1)),
        ("EXISTS", &["a", "b"], Reply::Integer(1)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_copy_has_value_and_expiry(subject: &Subject) {
    let store = subject.open();
    let same = "source and destination objects are the same";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["a", "1", "EXAT", "99999999999"], Reply::OK),
        ("COPY", &["a", "b"], Reply::Integer(1)),
        ("GET", &["b"], value("1")),
        ("EXPIRETIME", &["b"], Reply::Integer(99_999_999_999)),
        ("SET", &["a", "2"], Reply::OK),
        ("COPY", &["a", "b"], Reply::Integer(0)),
        ("COPY", &["a", "b", "replace"], Reply::Integer(1)),
        ("GET", &["b"], value("2")),
        ("TTL", &["b"], Reply::Integer(-1)),
        ("COPY", &["none", "b"], Reply::Integer(0)),
        ("COPY", &["none", "none"], error(same)),
        ("COPY", &["a", "a", "FOO"], error("syntax error")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_renamed_key_keeps_value_and_expiry(subject: &Subject) {
    let store = subject.open();
    let missing = "no such key";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("RENAME", &["none", "none"], error(missing)),
        ("RENAMENX", &["none", "b"], error(missing)),
        ("SET", &["a", "1", "EXAT", "99999999999"], Reply::OK),
        ("RENAME", &["a", "a"], Reply::OK),
        ("RENAMENX", &["a", "a"], Reply::Integer(0)),
        ("SET", &["b", "2"], Reply::OK),
        ("RENAMENX", &["a", "b"], Reply::Integer(0)),
        ("RENAME", &["a", "b"], Reply::OK),
        ("EXISTS", &["a"], Reply::Integer(0)),
        ("GET", &["b"], value("1")),
        ("EXPIRETIME", &["b"], Reply::Integer(99_999_999_999)),
        ("RENAMENX", &["b", "c"], Reply::Integer(1)),
        ("DBSIZE", &[], Reply::Integer(1)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn an_expiry_is_set_at_a_moment(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("PTTL", &["k"], Reply::Integer(-2)),
        ("EXPIRETIME", &["k"], Reply::Integer(-2)),
        ("EXPIREAT", &["k", "99999999999"], Reply::Integer(0)),
        ("SET", &["k", "v"], Reply::OK),
        ("PEXPIRETIME", &["k"], Reply::Integer(-1)),
        ("PEXPIREAT", &["k", "99999999999499"], Reply::Integer(1)),
        ("EXPIRETIME", &["k"], Reply::Integer(99_999_999_999)),
        ("PEXPIREAT", &["k", "99999999999500"], Reply::Integer(1)),
        ("EXPIRETIME", &["k"], Reply::Integer(100_000_000_000)),
        ("PEXPIREAT", &["k", "9223372036854775807"], Reply::Integer(1)),
        ("PEXPIRETIME", &["k"], Reply::Integer(i64::MAX)),
        (
            "EXPIREAT",
            &["k", "9223372036854776"],
            error("invalid expire time in 'expireat' command"),
        ),
        (
            "PEXPIRE",
            &["k", "9223372036854775807"],
            error("invalid expire time in 'pexpire' command"),
        ),
        ("PEXPIREAT", &["k", "x"], error(NO_NUMBER)),
        ("PEXPIREAT", &["k", "-5"], Reply::Integer(1)),
        ("EXISTS", &["k"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn an_expiry_is_set_for_a_while(subject: &Subject) {
    let store = subject.open();
    store.set("k", "v").await;
    let sets: &[(&str, &[&str])] = &[
        ("EXPIRE", &["k", "100"]),
        ("PEXPIRE", &["k", "100000"]),
        ("SET", &["k", "v", "EX", "100"]),
        ("SET", &["k", "v", "PX", "100000"]),
        ("PSETEX", &["k", "100000", "v"]),
        ("GETEX", &["k", "EX", "100"]),
    ];
    for (name, args) in sets {
        store.one("PERSIST", &[b"k"]).await;
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        store.one(name, &args).await;
        let left = store.one("PTTL", &[b"k"]).await;
        assert!(matches!(left, Reply::Integer(90_000..=100_000)), "{name}: {left:?}");
    }
}

pub(crate) async fn an_expiry_is_changed_on_conditions(subject: &Subject) {
    let store = subject.open();
    let (early, middle, late) = ("99999999997", "99999999998", "99999999999");
    let (no, yes) = (Reply::Integer(0), Reply::Integer(1));
    let nx = "NX and XX, GT or LT options at the same time are not compatible";
    let both = "GT and LT options at the same time are not compatible";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["k", "v"], Reply::OK),
        ("EXPIREAT", &["k", middle, "XX"], no.clone()),
        ("EXPIREAT", &["k", middle, "GT"], no.clone()),
        ("EXPIREAT", &["k", middle, "NX"], yes.clone()),
        ("EXPIREAT", &["k", late, "nx"], no.clone()),
        ("EXPIREAT", &["k", middle, "GT"], no.clone()),
        ("EXPIREAT", &["k", late, "XX", "GT"], yes.clone()),
        ("EXPIREAT", &["k", late, "LT"], no.clone()),
        ("EXPIREAT", &["k", early, "LT"], yes.clone()),
        ("EXPIRETIME", &["k"], Reply::Integer(99_999_999_997)),
        ("EXPIREAT", &["k", "1", "NX"], no.clone()),
        ("EXISTS", &["k"], yes.clone()),
        ("EXPIREAT", &["k", "1", "LT"], yes),
        ("EXISTS", &["k"], no),
        ("EXPIRE", &["k", "abc", "FOO"], error("Unsupported option FOO")),
        ("EXPIRE", &["k", "10", "GT", "LT", "NX"], error(nx)),
        ("EXPIRE", &["k", "10", "GT", "LT"], error(both)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_value_tells_its_encoding(subject: &Subject) {
    let store = subject.open();
    let long = "a".repeat(45);
    let steps: &[(&str, &[&str], Reply)] = &[
        ("MSET", &["n", "-7", "short", "1.5", "long", &long], Reply::OK),
        ("OBJECT ENCODING", &["n"], value("int")),
        ("OBJECT ENCODING", &["short"], value("embstr")),
        ("OBJECT ENCODING", &["long"], value("raw")),
        ("OBJECT ENCODING", &["none"], Reply::Nil),
        ("OBJECT REFCOUNT", &["long"], Reply::Integer(1)),
        ("OBJECT IDLETIME", &["long"], Reply::Integer(0)),
        ("OBJECT FREQ", &["none"], Reply::Nil),
        ("MEMORY USAGE", &["none"], Reply::Nil),
        ("MEMORY USAGE", &["n", "SAMPLES"], error("syntax error")),
        ("MEMORY USAGE", &["n", "SAMPLES", "x"], error(NO_NUMBER)),
    ];
    store.expect(steps).await;
    let usage = store.one("MEMORY USAGE", &[b"long", b"SAMPLES", b"5"]).await;
    assert!(matches!(usage, Reply::Integer(46..=1000)), "{usage:?}");
    let Reply::Error(error) = store.one("OBJECT FREQ", &[b"n"]).await else { panic!("an error") };
    assert!(error.to_string().starts_with("An LFU maxmemory policy is not selected"), "{error}");
}
