//! Transactions and watched keys: of one slot, also while it moves.

use bytes::Bytes;
use kvsock::account::Accounts;
use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Operation, Store, Watch};

use crate::support::cluster::{Cluster, Setup};
use crate::{cross_slot, one, operation, run, until_up, value, values};

async fn watch(store: &Store, watch: Option<Watch>, keys: &[&str]) -> Result<Watch, ErrorReply> {
    let keys = keys.iter().map(|key| Bytes::copy_from_slice(key.as_bytes())).collect();
    store.watch(watch, keys).await
}

fn sets(keys: &[&str]) -> Vec<Operation> {
    keys.iter().map(|key| operation("SET", &[key, "1"])).collect()
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
        assert_eq!(one(&store, "EXISTS", &["a", "b"]).await, Reply::Integer(0));
        // Many have a connection of their own.
        let many = store.transact(None, sets(&["{t}a"; 150])).await;
        assert_eq!(many, Reply::Array(vec![Reply::OK; 150]));
        for name in ["LASTSAVE", "BGSAVE"] {
            let text = format!("{name} cannot be a part of a transaction on a cluster");
            let reply = store.transact(None, vec![operation(name, &[])]).await;
            assert_eq!(reply, Reply::failed(text));
        }
    });
}

#[test]
fn what_concerns_all_servers_is_refused_with_the_cause() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        for name in ["DBSIZE", "KEYS", "RANDOMKEY", "FLUSHDB", "LAST", "SCAN"] {
            let text = format!("{name} cannot be a part of a transaction on a cluster");
            let refusal = ErrorReply::Failed(text.into());
            assert_eq!(
                store.refuses_in_transaction(&operation(name, &[]).command.spec),
                Some(refusal.clone())
            );
            let batch = vec![operation("SET", &["a", "1"]), operation(name, &["1"])];
            assert_eq!(store.transact(None, batch).await, Reply::Error(refusal));
        }
        assert_eq!(one(&store, "GET", &["a"]).await, Reply::Nil);
        for number in 0..3 {
            cluster.command(number, &["CONFIG", "SET", "maxmemory", "1"]).expect("it is set");
        }
        let cause = "OOM command not allowed when used memory > 'maxmemory'.";
        let refused = Reply::coded(format!("EXECABORT Transaction discarded because of: {cause}"));
        assert_eq!(store.transact(None, sets(&["{t}a", "{t}b"])).await, refused);
        assert_eq!(store.transact(None, sets(&["{t}a"; 150])).await, refused);
        let watched = watch(&store, None, &["{t}a"]).await.expect("watched");
        assert_eq!(store.transact(Some(watched), sets(&["{t}a"])).await, refused);
    });
}

#[test]
fn the_pinned_connections_of_one_user_are_bounded_over_all_masters() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let mut options = cluster.options();
        options.timeout = std::time::Duration::from_secs(2);
        let store = Store::open(options).expect("it opens");
        until_up(&store).await;
        let accounts = Accounts::default();
        let (greedy, other) = (accounts.of(7), accounts.of(8));
        let watch = async |account, number: usize| {
            let keys = vec![Bytes::from(format!("key{number}"))];
            store.watch_for(account, None, keys).await
        };
        let mut held = Vec::new();
        for number in 0..32 {
            held.push(watch(&greedy, number).await.expect("a place"));
        }
        let refusal = watch(&greedy, 99).await.expect_err("it has its share").to_string();
        let told = "user 7 has 32 of 64 connections for WATCH, scripts and long transactions";
        assert!(refusal.starts_with(told), "{refusal}");
        assert!(store.is_exhausted_by(&greedy) && !store.is_exhausted_by(&other));
        // Others have half of the rest, and so on, so that there always is a place for one more.
        for number in 0..16 {
            held.push(watch(&other, number).await.expect("a place that is kept"));
        }
        let waits = watch(&greedy, 99);
        let leaves = async { drop(held.swap_remove(0)) };
        assert!(tokio::join!(waits, leaves).0.is_err(), "there are fewer for each by now");
        assert!(watch(&accounts.of(9), 1).await.is_ok());
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
        assert_eq!(one(&store, "GET", &["b"]).await, Reply::Nil);
    });
}

#[test]
fn a_slot_that_moves_away_ends_the_watch_of_its_keys() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        assert_eq!(one(&store, "SET", &["{t}a", "1"]).await, Reply::OK);
        let (slot, from) = (cluster.slot("{t}a"), owner(&cluster, "{t}a"));
        let to = (from + 1) % 3;
        let watched = watch(&store, None, &["{t}a", "{t}none"]).await.expect("watched");
        cluster.begin_move(&slot, from, to);
        cluster.finish_move(&slot, from, to);
        assert_eq!(store.transact(Some(watched), sets(&["{t}b"])).await, Reply::NilList);
        assert_eq!(one(&store, "GET", &["{t}b"]).await, Reply::Nil);
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
        assert_eq!(one(&store, "MSET", &["{t}here", "1", "{t}there", "1"]).await, Reply::OK);
        let (slot, from) = (cluster.slot("{t}"), owner(&cluster, "{t}"));
        let to = (from + 1) % 3;
        cluster.begin_move(&slot, from, to);
        cluster.move_key("{t}there", from, to);
        // By ASK, and on the other server by ASKING.
        let done = Reply::Array(vec![Reply::Integer(2), value("2")]);
        let twice = |key| vec![operation("INCR", &[key]), operation("GET", &[key])];
        assert_eq!(store.transact(None, twice("{t}there")).await, done);
        assert_eq!(store.transact(None, twice("{t}here")).await, done);
        let watched = watch(&store, None, &["{t}there"]).await.expect("watched");
        assert_eq!(one(&store, "SET", &["{t}there", "5"]).await, Reply::OK);
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
            operation("MSET", &["{t}a", "first", "{t}b", "first"]),
            operation("SET", &["{t}b", "second"]),
            operation("APPEND", &["{t}a", "+"]),
            operation("MGET", &["{t}a", "{t}b"]),
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
