//! Replies and errors, word for word.

use kvsock::message::Reply;
use kvsock::store::Verb;

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
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Ping, &[], Reply::Status("PONG")),
        (Verb::Get, &["a"], Reply::Nil),
        (Verb::Set, &["a", "1"], Reply::OK),
        (Verb::Get, &["a"], value("1")),
        (Verb::Set, &["", ""], Reply::OK),
        (Verb::Get, &[""], value("")),
        (Verb::Incr, &[""], not_integer()),
        (Verb::Del, &["", ""], integer(1)),
        (Verb::Exists, &["a", "a", "b"], integer(2)),
        (Verb::Incr, &["a"], integer(2)),
        (Verb::Decr, &["n"], integer(-1)),
        (Verb::Set, &["n", max], Reply::OK),
        (Verb::Incr, &["n"], overflow()),
        (Verb::Set, &["n", min], Reply::OK),
        (Verb::Decr, &["n"], overflow()),
        (Verb::Set, &["n", "01"], Reply::OK),
        (Verb::Incr, &["n"], not_integer()),
        (Verb::Ttl, &["n"], integer(-1)),
        (Verb::Ttl, &["none"], integer(-2)),
        (Verb::Expire, &["n", "100"], integer(1)),
        (Verb::Ttl, &["n"], integer(100)),
        (Verb::Persist, &["n"], integer(1)),
        (Verb::Persist, &["n"], integer(0)),
        (Verb::Persist, &["none"], integer(0)),
        (Verb::SetEx, &["n", "100", "5"], Reply::OK),
        (Verb::Incr, &["n"], integer(6)),
        (Verb::Ttl, &["n"], integer(100)),
        (Verb::Set, &["n", "x"], Reply::OK),
        (Verb::Ttl, &["n"], integer(-1)),
        (Verb::SetEx, &["n", "0", "y"], setex()),
        (Verb::SetEx, &["n", "-1", "y"], setex()),
        (Verb::SetEx, &["n", max, "y"], setex()),
        (Verb::SetEx, &["n", "1x", "y"], not_integer()),
        (Verb::Expire, &["none", "1x"], not_integer()),
        (Verb::Expire, &["none", max], expire()),
        (Verb::Expire, &["none", min], expire()),
        (Verb::Expire, &["none", "1"], integer(0)),
        (Verb::Get, &["n"], value("x")),
        (Verb::Size, &[], integer(2)),
        (Verb::Expire, &["n", "-1"], integer(1)),
        (Verb::Get, &["n"], Reply::Nil),
        (Verb::Expire, &["n", "0"], integer(0)),
        (Verb::Del, &["a", "n", "a"], integer(1)),
        (Verb::Size, &[], integer(0)),
        (Verb::Set, &["x\0kvsock:last", "v"], reserved()),
        (Verb::Get, &["\0kvsock:last"], reserved()),
        (Verb::Del, &["a", "\0kvsock:last"], reserved()),
        (Verb::Save, &[], Reply::OK),
    ];
    for (verb, args, expected) in steps {
        assert_eq!(store.run(*verb, args), *expected, "{verb:?} {args:?}");
    }
    // The same as one batch, after all was removed.
    assert_eq!(store.ask(Verb::Clear), Reply::OK);
    let batch = steps.iter().map(|(verb, args, _)| operation(*verb, args)).collect();
    let expected: Vec<Reply> = steps.iter().map(|(_, _, reply)| reply.clone()).collect();
    assert_eq!(store.batch(batch), expected);
    store.close();
}

#[test]
fn what_needs_a_valkey_store_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let scripts = Reply::failed("scripts need a Valkey store; this one is embedded");
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Dump, &["a"], Reply::failed("DUMP needs a Valkey store; this one is embedded")),
        (
            Verb::Restore,
            &["a", "0", "x"],
            Reply::failed("RESTORE needs a Valkey store; this one is embedded"),
        ),
        (Verb::Eval, &["return 1", "0"], scripts.clone()),
        (Verb::EvalSha, &["abc", "0"], scripts.clone()),
        (Verb::Script, &["LOAD", "return 1"], scripts),
    ];
    for (verb, args, expected) in steps {
        assert_eq!(store.run(*verb, args), *expected, "{verb:?}");
    }
    store.close();
}

#[test]
fn the_time_of_saving_is_at_first_that_of_opening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let Reply::Integer(opened) = store.ask(Verb::LastSave) else { panic!("a time") };
    assert!(opened > 1_700_000_000);
    // A later second, so that the difference can be seen.
    wait_until(|| {
        assert_eq!(store.ask(Verb::BgSave), Reply::Status("Background saving started"));
        store.ask(Verb::LastSave) != Reply::Integer(opened)
    });
    store.close();
}
