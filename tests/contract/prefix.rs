//! Several key spaces in one store.

use bytes::Bytes;
use kvsock::message::Reply;

use crate::engine::{Home, Opened, Subject, list, pairs, value};

/// Opens the same store under another prefix. An embedded store has one process and one prefix
/// at a time, so that the others are opened one after the other.
async fn under(subject: &Subject, prefix: &'static str, check: impl AsyncFnOnce(&Opened)) {
    let store = subject.open_with(|options| options.prefix = Bytes::from_static(prefix.as_bytes()));
    check(&store).await;
    store.close().await;
}

pub(crate) async fn what_is_under_another_prefix_stays(subject: &Subject) {
    under(subject, "other:", async |other| {
        other.set("a", "theirs").await;
        other.set("b", "theirs").await;
    })
    .await;
    under(subject, "mine:", async |mine| {
        assert_eq!(mine.get("a").await, Reply::Nil);
        mine.set("a", "mine").await;
        assert_eq!(mine.one("DBSIZE", &[]).await, Reply::Integer(1));
        assert_eq!(mine.one("KEYS", &[]).await, list(["a"]));
        assert_eq!(mine.one("LAST", &[b"9"]).await, pairs([("a", "mine")]));
        assert_eq!(mine.one("FLUSHDB", &[]).await, Reply::OK);
        assert_eq!(mine.one("DBSIZE", &[]).await, Reply::Integer(0));
    })
    .await;
    under(subject, "other:", async |other| {
        assert_eq!(other.get("a").await, value("theirs"));
        assert_eq!(other.one("DBSIZE", &[]).await, Reply::Integer(2));
        let expected = pairs([("a", "theirs"), ("b", "theirs")]);
        assert_eq!(other.one("LAST", &[b"9"]).await, expected);
    })
    .await;
    if let Home::Server(_) = subject.home {
        under(subject, "", async |all| {
            assert_eq!(all.get("other:a").await, value("theirs"));
        })
        .await;
    }
}

pub(crate) async fn a_prefix_with_glob_letters_is_taken_as_it_is(subject: &Subject) {
    under(subject, "axb:", async |other| other.set("k", "theirs").await).await;
    under(subject, "a?[x]*\\:", async |mine| {
        mine.set("k", "mine").await;
        assert_eq!(mine.one("KEYS", &[]).await, list(["k"]));
        assert_eq!(mine.one("DBSIZE", &[]).await, Reply::Integer(1));
        assert_eq!(mine.one("FLUSHDB", &[]).await, Reply::OK);
        assert_eq!(mine.get("k").await, Reply::Nil);
    })
    .await;
    under(subject, "axb:", async |other| assert_eq!(other.get("k").await, value("theirs"))).await;
}
