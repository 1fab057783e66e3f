//! The most recently set pairs.

use std::time::Duration;

use kvsock::message::Reply;

use crate::engine::{Opened, Subject, pairs};

async fn last(store: &Opened, count: &str) -> Reply {
    store.one("LAST", &[count.as_bytes()]).await
}

pub(crate) async fn last_gives_the_newest_last(subject: &Subject) {
    let store = subject.open();
    for (key, value) in [("c", "1"), ("a", "2"), ("b", "3")] {
        store.set(key, value).await;
    }
    assert_eq!(last(&store, "3").await, pairs([("c", "1"), ("a", "2"), ("b", "3")]));
}

pub(crate) async fn last_gives_no_more_than_it_is_asked_for(subject: &Subject) {
    let store = subject.open();
    for number in 0..100 {
        store.set(format!("key{number}"), number.to_string()).await;
    }
    assert_eq!(last(&store, "2").await, pairs([("key98", "98"), ("key99", "99")]));
    let Reply::Pairs(found) = last(&store, "70").await else { panic!("pairs") };
    assert_eq!(found.len(), 70);
    assert_eq!(found[0].0, "key30");
    assert_eq!(found[69].0, "key99");
}

pub(crate) async fn last_gives_what_there_is(subject: &Subject) {
    let store = subject.open();
    assert_eq!(last(&store, "10").await, pairs([]));
    store.set("a", "1").await;
    assert_eq!(last(&store, "10").await, pairs([("a", "1")]));
}

pub(crate) async fn setting_again_makes_a_key_the_newest(subject: &Subject) {
    let store = subject.open();
    for key in ["a", "b", "a"] {
        store.set(key, "x").await;
    }
    assert_eq!(last(&store, "5").await, pairs([("b", "x"), ("a", "x")]));
    store.one("SETEX", &[b"b", b"100", b"y"]).await;
    assert_eq!(last(&store, "5").await, pairs([("a", "x"), ("b", "y")]));
}

pub(crate) async fn last_passes_over_removed_and_expired_keys(subject: &Subject) {
    let store = subject.open();
    for number in 0..50 {
        store.set(format!("key{number}"), "x").await;
    }
    for number in 1..50 {
        let key = format!("key{number}");
        let gone = if number % 2 == 0 {
            store.one("DEL", &[key.as_bytes()]).await
        } else {
            store.one("EXPIRE", &[key.as_bytes(), b"0"]).await
        };
        assert_eq!(gone, Reply::Integer(1));
    }
    assert_eq!(last(&store, "5").await, pairs([("key0", "x")]));
    assert_eq!(last(&store, "5").await, pairs([("key0", "x")]));
}

pub(crate) async fn last_gives_the_present_values(subject: &Subject) {
    let store = subject.open();
    store.set("n", "1").await;
    store.one("INCR", &[b"n"]).await;
    assert_eq!(last(&store, "1").await, pairs([("n", "2")]));
}

pub(crate) async fn last_refuses_a_count_that_is_none(subject: &Subject) {
    let store = subject.open();
    for count in ["0", "-1", "x", "", "1.5"] {
        assert!(matches!(last(&store, count).await, Reply::Error(_)), "{count:?}");
    }
}

pub(crate) async fn last_knows_keys_of_any_bytes(subject: &Subject) {
    let store = subject.open();
    let all: Vec<u8> = (0..=255).collect();
    store.set(&all, &all).await;
    let expected = (all.clone().into(), all.into());
    assert_eq!(last(&store, "1").await, Reply::Pairs(vec![expected]));
}

pub(crate) async fn last_reaches_no_deeper_than_its_depth(subject: &Subject) {
    let store = subject.open_with(|options| options.last_depth = 3);
    for number in 0..20 {
        store.set(format!("key{number}"), "x").await;
    }
    let expected = pairs([("key17", "x"), ("key18", "x"), ("key19", "x")]);
    assert_eq!(last(&store, "10").await, expected);
}

pub(crate) async fn last_without_depth_is_empty(subject: &Subject) {
    let store = subject.open_with(|options| options.last_depth = 0);
    store.set("a", "1").await;
    assert_eq!(last(&store, "10").await, pairs([]));
    assert_eq!(store.one("DBSIZE", &[]).await, Reply::Integer(1));
}

pub(crate) async fn last_is_never_behind_its_own_client(subject: &Subject) {
    let store = subject.open();
    for number in 0..30 {
        let number = number.to_string();
        store.set("k", &number).await;
        store.set(&number, &number).await;
        assert_eq!(last(&store, "2").await, pairs([("k", &number), (&number, &number)]));
        // Some rounds meet the index while it is being written by itself.
        tokio::time::sleep(Duration::from_millis(9)).await;
    }
}

pub(crate) async fn last_is_exact_while_many_changes_are_written(subject: &Subject) {
    let store = subject.open();
    for round in 0..6_u64 {
        for number in 0..300 {
            store.set(format!("{round}:{number}"), "x").await;
        }
        store.one("DEL", &[format!("{round}:298").as_bytes()]).await;
        // Each round meets the index at another moment, most of them half-way.
        tokio::time::sleep(Duration::from_millis(15 * round)).await;
        let names = [format!("{round}:296"), format!("{round}:297"), format!("{round}:299")];
        assert_eq!(last(&store, "3").await, pairs(names.each_ref().map(|name| (&name[..], "x"))));
    }
}

pub(crate) async fn last_is_kept_when_the_store_is_opened_again(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    store.set("b", "2").await;
    store.close().await;
    assert_eq!(last(&subject.open(), "5").await, pairs([("a", "1"), ("b", "2")]));
}

pub(crate) async fn last_is_empty_after_a_clear(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    assert_eq!(store.one("FLUSHDB", &[]).await, Reply::OK);
    store.set("b", "2").await;
    assert_eq!(last(&store, "5").await, pairs([("b", "2")]));
}
