//! What is found, and what no longer is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::values::{Cache, Key, SILENCE};
use crate::message::Reply;
use crate::store::operation::Operation;
use crate::store::valkey::keys::prefix::Prefix;

fn cache(bytes: usize) -> Cache {
    Cache::new(bytes, Arc::default())
}

/// As the driver does when the two replies come.
fn learn(cache: &Cache, key: &'static str, expiry: i64, reply: &Reply) {
    let now = Instant::now();
    cache.expect(key.as_bytes().into(), &Reply::Integer(expiry), now);
    cache.take(Some(reply));
    cache.is_as_of(now);
}

fn found(cache: &Cache, key: &str) -> Option<Reply> {
    found_at(cache, key, Instant::now())
}

fn found_at(cache: &Cache, key: &str, now: Instant) -> Option<Reply> {
    cache.look(now).and_then(|look| look.get(key.as_bytes()))
}

fn invalidate(key: &'static str) -> [Reply; 2] {
    [Reply::value("invalidate"), Reply::Array(vec![Reply::value(key)])]
}

#[test]
fn what_came_is_found_until_it_changes() {
    let cache = cache(1 << 20);
    assert_eq!(found(&cache, "k"), None);
    learn(&cache, "k", -1, &Reply::value("v"));
    learn(&cache, "none", -2, &Reply::Nil);
    assert_eq!(found(&cache, "k"), Some(Reply::value("v")));
    assert_eq!(found(&cache, "none"), Some(Reply::Nil));
    cache.hear(&invalidate("other"));
    assert_eq!(found(&cache, "k"), Some(Reply::value("v")));
    cache.hear(&invalidate("k"));
    assert_eq!(found(&cache, "k"), None);
    assert_eq!(found(&cache, "none"), Some(Reply::Nil));
}

#[test]
fn a_change_between_expiry_and_value_keeps_the_value_out() {
    for push in [&invalidate("k")[..], &[Reply::value("invalidate"), Reply::Nil], &[]] {
        let cache = cache(1 << 20);
        let now = Instant::now();
        cache.is_as_of(now);
        cache.expect(b"k"[..].into(), &Reply::Integer(-1), now);
        cache.hear(push);
        cache.take(Some(&Reply::value("v")));
        assert_eq!(found(&cache, "k"), None, "{push:?}");
    }
}

#[test]
fn what_the_server_says_of_all_keys_or_in_unknown_words_is_of_all() {
    for push in [
        &[Reply::value("invalidate"), Reply::Nil][..],
        &[Reply::value("invalidate"), Reply::Array(vec![Reply::Nil])],
        &[Reply::value("message"), Reply::value("k")],
        &[],
    ] {
        let cache = cache(1 << 20);
        learn(&cache, "k", -1, &Reply::value("v"));
        cache.hear(push);
        assert_eq!(found(&cache, "k"), None, "{push:?}");
    }
}

#[test]
fn errors_and_what_has_no_known_expiry_are_not_kept() {
    let cache = cache(1 << 20);
    learn(&cache, "k", -1, &Reply::coded("WRONGTYPE x"));
    cache.expect(b"l"[..].into(), &Reply::failed("no PTTL"), Instant::now());
    cache.take(Some(&Reply::value("v")));
    cache.expect(b"m"[..].into(), &Reply::Integer(-1), Instant::now());
    cache.take(None);
    cache.take(Some(&Reply::value("v")));
    assert_eq!(cache.extent(), (0, 0));
}

#[test]
fn a_value_ends_when_it_expires() {
    let cache = cache(1 << 20);
    let (asked, millis) = (Instant::now(), Duration::from_millis);
    cache.expect(b"k"[..].into(), &Reply::Integer(300), asked);
    cache.take(Some(&Reply::value("v")));
    cache.is_as_of(asked);
    assert_eq!(found_at(&cache, "k", asked + millis(299)), Some(Reply::value("v")));
    assert_eq!(found_at(&cache, "k", asked + millis(300)), None);
}

#[test]
fn nothing_is_found_when_the_server_was_silent_for_long() {
    let cache = cache(1 << 20);
    learn(&cache, "k", -1, &Reply::value("v"));
    let later = Instant::now() + SILENCE;
    assert_eq!(found_at(&cache, "k", later), None);
    cache.is_as_of(later);
    assert_eq!(found_at(&cache, "k", later), Some(Reply::value("v")));
}

#[test]
fn a_value_is_wanted_from_the_second_time_on() {
    let cache = cache(1 << 20);
    let wanted = |key: &str| cache.wants(key.as_bytes());
    assert_eq!([wanted("k"), wanted("l"), wanted("k"), wanted("l")], [false, false, true, true]);
    let many = (0..2000).filter(|number| wanted(&number.to_string())).count();
    assert_eq!(many, 0, "none comes twice");
    assert!(!wanted(&"x".repeat(100_000)) && !wanted(&"x".repeat(100_000)), "has no place");
}

#[test]
fn what_is_written_is_forgotten_and_by_what_names_no_key_everything() {
    let operation = |name, args: &[&'static str]| {
        let args = args.iter().map(|arg| Bytes::from_static(arg.as_bytes())).collect();
        Operation::named(name, args).expect("a command")
    };
    let cache = cache(1 << 20);
    let prefix = Prefix::new(Bytes::from_static(b"p:"));
    for key in ["p:a", "p:b", "p:c", "a"] {
        learn(&cache, key, -1, &Reply::value("v"));
    }
    let known = || ["p:a", "p:b", "p:c", "a"].map(|key| found(&cache, key).is_some());
    cache.forget(&prefix, [&operation("GET", &["a"]), &operation("MGET", &["b"])]);
    assert_eq!(known(), [true, true, true, true]);
    cache.forget(&prefix, [&operation("RENAME", &["a", "b"])]);
    assert_eq!(known(), [false, false, true, true]);
    cache.forget(&prefix, [&operation("FLUSHDB", &[])]);
    assert_eq!(known(), [false; 4]);
}

#[test]
fn it_takes_no_more_than_it_may_and_no_large_value() {
    let cache = cache(100_000);
    let long = |length: usize| Reply::Value(Bytes::from(vec![0; length]));
    learn(&cache, "long", -1, &long(7_000));
    assert_eq!(found(&cache, "long"), None);
    learn(&cache, "short", -1, &long(5_000));
    assert!(found(&cache, "short").is_some());
    for number in 0..1000 {
        let key: Key = format!("{number}").into_bytes().into();
        cache.expect(key, &Reply::Integer(-1), Instant::now());
        cache.take(Some(&long(100)));
        let (keys, bytes) = cache.extent();
        assert!(bytes <= 100_000, "{bytes} bytes of {keys} keys");
    }
    assert!(cache.extent().0 > 300, "{:?}", cache.extent());
}
