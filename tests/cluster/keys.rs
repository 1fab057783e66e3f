//! Keys of several slots, by which other clients ask the servers too.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Health, Store};

use crate::support::cluster::{MASTERS, Setup};
use crate::transactions::owner;
use crate::{cross_slot, one, operation, run, until, until_up, value, values};

/// Keys of all three masters.
const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[test]
fn keys_of_several_slots_are_each_where_they_belong() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let pairs: Vec<&str> = KEYS.iter().flat_map(|key| [*key, *key]).collect();
        assert_eq!(one(&store, "MSET", &pairs).await, Reply::OK);
        let sizes: Vec<String> =
            (0..MASTERS).map(|number| cluster.text(number, &["DBSIZE"])).collect();
        assert!(sizes.iter().all(|size| size != "0"), "{sizes:?}");
        let mixed = ["f", "none", "a", "f", "c"];
        let found = values(&[Some("f"), None, Some("a"), Some("f"), Some("c")]);
        assert_eq!(one(&store, "MGET", &mixed).await, found);
        assert_eq!(one(&store, "EXISTS", &mixed).await, Reply::Integer(4));
        assert_eq!(one(&store, "TOUCH", &KEYS).await, Reply::Integer(6));
        assert_eq!(one(&store, "DEL", &["a", "none", "b"]).await, Reply::Integer(2));
        assert_eq!(one(&store, "UNLINK", &KEYS).await, Reply::Integer(4));
        let together = ["{t}a", "1", "{t}b", "2"];
        assert_eq!(one(&store, "MSETNX", &together).await, Reply::Integer(1));
        assert_eq!(one(&store, "RENAME", &["{t}a", "{t}c"]).await, Reply::OK);
    });
}

#[test]
fn a_batch_over_all_servers_keeps_its_order() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let (mut batch, mut expected) = (Vec::new(), Vec::new());
        for round in 1..=50 {
            for key in KEYS {
                batch.push(operation("INCR", &[key]));
                expected.push(Reply::Integer(round));
                batch.push(operation("MGET", &[key, "none"]));
                expected.push(values(&[Some(&round.to_string()), None]));
            }
            // In between, what concerns all of them.
            batch.push(operation("DBSIZE", &[]));
            expected.push(Reply::Integer(6));
        }
        assert_eq!(store.execute(batch).await, expected);
    });
}

#[test]
fn what_cannot_be_divided_is_refused_and_not_done() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        assert_eq!(one(&store, "SET", &["a", "1"]).await, Reply::OK);
        for (name, args) in [
            ("MSETNX", &["b", "1", "c", "2"][..]),
            ("RENAME", &["a", "b"]),
            ("RENAMENX", &["a", "b"]),
            ("COPY", &["a", "b"]),
            ("LCS", &["a", "b"]),
            ("EVAL", &["return 1", "2", "a", "b"]),
        ] {
            assert_eq!(one(&store, name, args).await, cross_slot(), "{name}");
        }
        assert_eq!(one(&store, "KEYS", &[]).await, values(&[Some("a")]));
        assert_eq!(one(&store, "GET", &["a"]).await, value("1"));
    });
}

#[test]
fn a_scan_goes_over_all_servers_and_its_cursors_outlive_the_daemon() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let open = || Store::open(cluster.options()).expect("it opens");
        let store = open();
        let all: BTreeSet<String> = (0..300).map(|number| format!("k{number}")).collect();
        let sets = all.iter().map(|key| operation("SET", &[key, "x"])).collect();
        assert!(store.execute(sets).await.iter().all(|reply| *reply == Reply::OK));
        let (mut cursor, mut found) = ("0".to_owned(), BTreeSet::new());
        loop {
            // A new daemon for each step.
            let reply = one(&open(), "SCAN", &[&cursor, "COUNT", "50"]).await;
            let Reply::Array(parts) = reply else { panic!("{reply:?}") };
            let [Reply::Value(next), Reply::List(keys)] = &parts[..] else { panic!("{parts:?}") };
            let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("a text");
            found.extend(keys.iter().flatten().map(text));
            cursor = text(next);
            assert!(cursor.parse::<i64>().is_ok(), "{cursor}");
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found, all);
        let gone = "the server of this cursor is gone from the cluster, begin again with 0";
        let reply = one(&store, "SCAN", &["9223372036854775807"]).await;
        assert_eq!(reply, Reply::failed(gone));
    });
}

#[test]
fn the_index_of_last_follows_its_slot() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let last = async || one(&store, "LAST", &["9"]).await;
        let pairs = |keys: &[&'static str]| {
            Reply::Pairs(keys.iter().map(|key| ((*key).into(), "1".into())).collect())
        };
        let set = async |key| assert_eq!(one(&store, "SET", &[key, "1"]).await, Reply::OK);
        set("a").await;
        assert_eq!(last().await, pairs(&["a"]));
        let index = "\0kvsock:last";
        let (slot, from) = (cluster.slot(index), owner(&cluster, index));
        let to = (from + 1) % MASTERS;
        cluster.begin_move(&slot, from, to);
        set("b").await;
        assert_eq!(last().await, pairs(&["a", "b"]), "it is here still");
        cluster.move_key(index, from, to);
        set("c").await;
        assert_eq!(last().await, pairs(&["a", "b", "c"]), "it is there already");
        assert_eq!(one(&store, "DBSIZE", &[]).await, Reply::Integer(3));
        cluster.finish_move(&slot, from, to);
        set("a").await;
        assert_eq!(last().await, pairs(&["b", "c", "a"]));
        assert_eq!(one(&store, "FLUSHDB", &[]).await, Reply::OK);
        assert_eq!(last().await, pairs(&[]));
    });
}

#[test]
fn parts_of_the_store_see_nothing_of_each_other() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let mut options = cluster.options();
        options.has_parts = true;
        let all = Store::open(options).expect("it opens");
        let (one_part, other) = (all.part(b"u1:"), all.part(b"u2:"));
        for part in [&one_part, &other] {
            let pairs: Vec<&str> = KEYS.iter().flat_map(|key| [*key, "1"]).collect();
            assert_eq!(one(part, "MSET", &pairs).await, Reply::OK);
            assert_eq!(one(part, "DBSIZE", &[]).await, Reply::Integer(6));
            assert_eq!(one(part, "KEYS", &[]).await, values(&KEYS.map(Some)));
            let Reply::Pairs(last) = one(part, "LAST", &["9"]).await else { panic!("pairs") };
            assert_eq!(last.len(), 6);
        }
        assert_eq!(one(&all, "DBSIZE", &[]).await, Reply::Integer(12));
        assert_eq!(one(&one_part, "FLUSHDB", &[]).await, Reply::OK);
        assert_eq!(one(&one_part, "DBSIZE", &[]).await, Reply::Integer(0));
        assert_eq!(one(&one_part, "LAST", &["9"]).await, Reply::Pairs(Vec::new()));
        assert_eq!(one(&other, "DBSIZE", &[]).await, Reply::Integer(6));
        assert_eq!(one(&all, "DBSIZE", &[]).await, Reply::Integer(6));
    });
}

#[test]
fn a_cluster_that_is_none_and_slots_that_nobody_serves_are_named() {
    let Some(cluster) = Setup::default().start() else { return };
    let Some(single) = crate::support::valkey::Setup::default().start() else { return };
    run(async {
        let mut options = cluster.options();
        let kvsock::store::Location::Cluster(place) = &mut options.location else { panic!() };
        place.seeds = vec![single.tcp()];
        options.timeout = Duration::from_millis(500);
        let store = Store::open(options).expect("it opens");
        let no_cluster = "This instance has cluster support disabled";
        let told = |health| matches!(health, Health::Down(why) if why.ends_with(no_cluster));
        until("it is told", || told(store.health())).await;
        let Reply::Error(ErrorReply::Unavailable(why)) = one(&store, "GET", &["a"]).await else {
            panic!("nobody serves it")
        };
        assert!(why.ends_with(no_cluster), "{why}");

        let mut options = cluster.options();
        options.timeout = Duration::from_millis(500);
        let store = Store::open(options).expect("it opens");
        until_up(&store).await;
        let slot = cluster.slot("a");
        // Its owner first, and again later: who hears of an owner still takes the slot for its.
        let let_go = || {
            for number in (0..MASTERS).rev() {
                // Who has none to let go of says so.
                let _ = cluster.command(number, &["CLUSTER", "DELSLOTS", &slot]);
            }
        };
        let_go();
        let Reply::Error(ErrorReply::Unavailable(why)) = one(&store, "GET", &["a"]).await else {
            panic!("nobody serves it")
        };
        assert!(why.contains("CLUSTERDOWN") || why.contains("nobody serves"), "{why}");
        until("the store is not up", || {
            let_go();
            matches!(store.health(), Health::Down(_))
        })
        .await;
        // Others go on.
        assert_eq!(one(&store, "SET", &["b", "1"]).await, Reply::OK);
    });
}
