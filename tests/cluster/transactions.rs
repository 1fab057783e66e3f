//! Transactions and watched keys: of one slot, also while it moves.

use bytes::Bytes;
use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Operation, Store, Verb, Watch};

use crate::support::cluster::{Cluster, Setup};
use crate::{cross_slot, one, operation, run, until_up, value, values};

async fn watch(store: &Store, watch: Option<Watch>, keys: &[&str]) -> Result<Watch, ErrorReply> {
    let keys = keys.iter().map(|key| Bytes::copy_from_slice(key.as_bytes())).collect();
    store.watch(watch, keys).await
}

fn sets(keys: &[&str]) -> Vec<Operation> {
    keys.iter().map(|key| operation(Verb::Set, &[key, "1"])).collect()
}

/// Which of the masters serves the slot of `key`: slots are as they were made.
pub(crate) fn owner(cluster: &Cluster, key: &str) -> usize {
    cluster.slot(key).parse::<usize>().expect("a number") * 3 / 16_384
}

#[test]
fn a_transaction_is_of_one_slot() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let done = Reply::Array(vec![Reply::OK; 2]);
        assert_eq!(store.transact(None, sets(&["{t}a", "{t}b"])).await, done);
        assert_eq!(store.transact(None, sets(&["a", "b"])).await, cross_slot());
        assert_eq!(one(&store, Verb::Exists, &["a", "b"]).await, Reply::Integer(0));
        // Many have a connection of their own.
        let many = store.transact(None, sets(&["{t}a"; 150])).await;
        assert_eq!(many, Reply::Array(vec![Reply::OK; 150]));
        for verb in [Verb::LastSave, Verb::BgSave] {
            let text = format!("{} cannot be a part of a transaction on a cluster", verb.name());
            let reply = store.transact(None, vec![operation(verb, &[])]).await;
            assert_eq!(reply, Reply::failed(text));
        }
    });
}

#[test]
fn watched_keys_are_of_the_transactions_slot() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let cross = |error| Reply::Error(error) == cross_slot();
        assert!(watch(&store, None, &["a", "b"]).await.is_err_and(cross));
        let watched = watch(&store, None, &["{t}a"]).await.expect("watched");
        let watched = watch(&store, Some(watched), &["{t}b"]).await.expect("watched");
        let done = store.transact(Some(watched), sets(&["{t}c"])).await;
        assert_eq!(done, Reply::Array(vec![Reply::OK]));
        let watched = watch(&store, None, &["{t}a"]).await.expect("watched");
        assert!(watch(&store, Some(watched), &["b"]).await.is_err_and(cross));
        let watched = watch(&store, None, &["{t}a"]).await.expect("watched");
        assert_eq!(store.transact(Some(watched), sets(&["b"])).await, cross_slot());
        assert_eq!(one(&store, Verb::Get, &["b"]).await, Reply::Nil);
    });
}

#[test]
fn a_slot_that_moves_away_ends_the_watch_of_its_keys() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        assert_eq!(one(&store, Verb::Set, &["{t}a", "1"]).await, Reply::OK);
        let (slot, from) = (cluster.slot("{t}a"), owner(&cluster, "{t}a"));
        let to = (from + 1) % 3;
        let watched = watch(&store, None, &["{t}a", "{t}none"]).await.expect("watched");
        cluster.begin_move(&slot, from, to);
        cluster.finish_move(&slot, from, to);
        assert_eq!(store.transact(Some(watched), sets(&["{t}b"])).await, Reply::NilList);
        assert_eq!(one(&store, Verb::Get, &["{t}b"]).await, Reply::Nil);
        let watched = watch(&store, None, &["{t}a"]).await.expect("watched");
        let done = store.transact(Some(watched), sets(&["{t}b"])).await;
        assert_eq!(done, Reply::Array(vec![Reply::OK]));
    });
}

#[test]
fn what_is_on_its_way_is_watched_and_changed_where_it_is() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        assert_eq!(one(&store, Verb::MSet, &["{t}here", "1", "{t}there", "1"]).await, Reply::OK);
        let (slot, from) = (cluster.slot("{t}"), owner(&cluster, "{t}"));
        let to = (from + 1) % 3;
        cluster.begin_move(&slot, from, to);
        cluster.move_key("{t}there", from, to);
        // By ASK, and on the other server by ASKING.
        let done = Reply::Array(vec![Reply::Integer(2), value("2")]);
        let twice = |key| vec![operation(Verb::Incr, &[key]), operation(Verb::Get, &[key])];
        assert_eq!(store.transact(None, twice("{t}there")).await, done);
        assert_eq!(store.transact(None, twice("{t}here")).await, done);
        let watched = watch(&store, None, &["{t}there"]).await.expect("watched");
        assert_eq!(one(&store, Verb::Set, &["{t}there", "5"]).await, Reply::OK);
        let reply = store.transact(Some(watched), twice("{t}there")).await;
        assert_eq!(reply, Reply::NilList, "it was changed");
        let watched = watch(&store, None, &["{t}there"]).await.expect("watched");
        let done = Reply::Array(vec![Reply::Integer(6), value("6")]);
        assert_eq!(store.transact(Some(watched), twice("{t}there")).await, done);
        cluster.finish_move(&slot, from, to);
    });
}

#[test]
fn keys_that_are_here_and_there_are_waited_for() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        until_up(&store).await;
        let keys = ["{t}a", "{t}b", "{t}c", "{t}d"];
        assert_eq!(store.transact(None, sets(&keys)).await, Reply::Array(vec![Reply::OK; 4]));
        let (slot, from) = (cluster.slot("{t}"), owner(&cluster, "{t}"));
        let to = (from + 1) % 3;
        cluster.begin_move(&slot, from, to);
        cluster.move_key("{t}b", from, to);
        cluster.move_key("{t}d", from, to);
        let transaction = store.transact(None, sets(&["{t}c", "{t}d", "{t}e"]));
        // What comes after a command that has to wait does not overtake it.
        let batch = vec![
            operation(Verb::MSet, &["{t}a", "first", "{t}b", "first"]),
            operation(Verb::Set, &["{t}b", "second"]),
            operation(Verb::Append, &["{t}a", "+"]),
            operation(Verb::MGet, &["{t}a", "{t}b"]),
        ];
        let executed = store.execute(batch);
        let moved = async {
            // Long enough for both to be told to try again.
            let begun = std::time::Instant::now();
            crate::until("a while", || begun.elapsed().as_millis() > 200).await;
            cluster.finish_move(&slot, from, to)
        };
        let (done, replies, moved) = tokio::join!(transaction, executed, moved);
        assert_eq!(moved, 2);
        assert_eq!(done, Reply::Array(vec![Reply::OK; 3]));
        let both = values(&[Some("first+"), Some("second")]);
        assert_eq!(replies, [Reply::OK, Reply::OK, Reply::Integer(6), both]);
    });
}
