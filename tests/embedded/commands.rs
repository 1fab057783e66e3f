//! Replies and errors, word for word.

use kvsock::message::Reply;

use crate::support::{Opened, operation, options, value, wait_until};

#[test]
fn replies_and_errors_are_those_of_valkey() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let integer = Reply::Integer;
    let not_integer = || Reply::failed("value is not an integer or out of range");
    let overflow = || Reply::failed("increment or decrement would overflow");
    let setex = || Reply::failed("invalid expire time in 'setex' command");
    let expire = || Reply::failed("invalid expire time in 'expire' command");
    let reserved = || Reply::failed("key is reserved for kvsock");
    let max = "9223372036854775807";
    let min = "-9223372036854775808";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("PING", &[], Reply::Status("PONG")),
        ("GET", &["a"], Reply::Nil),
        ("SET", &["a", "1"], Reply::OK),
        ("GET", &["a"], value("1")),
        ("SET", &["", ""], Reply::OK),
        ("GET", &[""], value("")),
        ("INCR", &[""], not_integer()),
        ("DEL", &["", ""], integer(1)),
        ("EXISTS", &["a", "a", "b"], integer(2)),
        ("INCR", &["a"], integer(2)),
        ("DECR", &["n"], integer(-1)),
        ("SET", &["n", max], Reply::OK),
        ("INCR", &["n"], overflow()),
        ("SET", &["n", min], Reply::OK),
        ("DECR", &["n"], overflow()),
        ("SET", &["n", "01"], Reply::OK),
        ("INCR", &["n"], not_integer()),
        ("TTL", &["n"], integer(-1)),
        ("TTL", &["none"], integer(-2)),
        ("EXPIRE", &["n", "100"], integer(1)),
        ("TTL", &["n"], integer(100)),
        ("PERSIST", &["n"], integer(1)),
        ("PERSIST", &["n"], integer(0)),
        ("PERSIST", &["none"], integer(0)),
        ("SETEX", &["n", "100", "5"], Reply::OK),
        ("INCR", &["n"], integer(6)),
        ("TTL", &["n"], integer(100)),
        ("SET", &["n", "x"], Reply::OK),
        ("TTL", &["n"], integer(-1)),
        ("SETEX", &["n", "0", "y"], setex()),
        ("SETEX", &["n", "-1", "y"], setex()),
        ("SETEX", &["n", max, "y"], setex()),
        ("SETEX", &["n", "1x", "y"], not_integer()),
        ("EXPIRE", &["none", "1x"], not_integer()),
        ("EXPIRE", &["none", max], expire()),
        ("EXPIRE", &["none", min], expire()),
        ("EXPIRE", &["none", "1"], integer(0)),
        ("GET", &["n"], value("x")),
        ("DBSIZE", &[], integer(2)),
        ("EXPIRE", &["n", "-1"], integer(1)),
        ("GET", &["n"], Reply::Nil),
        ("EXPIRE", &["n", "0"], integer(0)),
        ("DEL", &["a", "n", "a"], integer(1)),
        ("DBSIZE", &[], integer(0)),
        ("SET", &["x\0kvsock:last", "v"], reserved()),
        ("GET", &["\0kvsock:last"], reserved()),
        ("DEL", &["a", "\0kvsock:last"], reserved()),
        ("SAVE", &[], Reply::OK),
    ];
    for (name, args, expected) in steps {
        assert_eq!(store.run(name, args), *expected, "{name} {args:?}");
    }
    // The same as one batch, after all was removed.
    assert_eq!(store.ask("FLUSHDB"), Reply::OK);
    let batch = steps.iter().map(|(name, args, _)| operation(name, args)).collect();
    let expected: Vec<Reply> = steps.iter().map(|(_, _, reply)| reply.clone()).collect();
    assert_eq!(store.batch(batch), expected);
    store.close();
}

#[test]
fn what_needs_a_valkey_store_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let scripts = Reply::failed("scripts need a Valkey store; this one is embedded");
    let steps: &[(&str, &[&str], Reply)] = &[
        ("DUMP", &["a"], Reply::failed("DUMP needs a Valkey store; this one is embedded")),
        (
            "RESTORE",
            &["a", "0", "x"],
            Reply::failed("RESTORE needs a Valkey store; this one is embedded"),
        ),
        ("EVAL", &["return 1", "0"], scripts.clone()),
        ("EVALSHA", &["abc", "0"], scripts.clone()),
        ("SCRIPT LOAD", &["return 1"], scripts),
    ];
    for (name, args, expected) in steps {
        assert_eq!(store.run(name, args), *expected, "{name}");
    }
    store.close();
}

#[test]
fn the_time_of_saving_is_at_first_that_of_opening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let Reply::Integer(opened) = store.ask("LASTSAVE") else { panic!("a time") };
    assert!(opened > 1_700_000_000);
    // A later second, so that the difference can be seen.
    wait_until(|| {
        assert_eq!(store.ask("BGSAVE"), Reply::Status("Background saving started"));
        store.ask("LASTSAVE") != Reply::Integer(opened)
    });
    store.close();
}
