//! Long values are read beside the serving thread, also the first time, and short ones on it.

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use fjall::{KeyspaceCreateOptions, PersistMode};
use kvsock::message::Reply;
use kvsock::store::{Operation, Store};

use crate::support::{open_without_index, operation, options, value};

/// Longer than what the store's cache keeps, and shorter.
const LENGTHS: [usize; 2] = [2 * 1024 * 1024, 200 * 1024];

fn open(directory: &Path) -> Store {
    Store::open(options(directory)).unwrap()
}

async fn close(store: Store) {
    store.close(Duration::from_secs(20)).await;
}

fn long(len: usize) -> String {
    "x".repeat(len)
}

/// Runs a test with one thread that may block, for [`see`].
fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(1).build().unwrap().block_on(test);
}

/// Waits for a reply, and tells whether it was found on this thread: then it is there although the one
/// thread that may block is taken.
async fn see<T>(reply: impl Future<Output = T>) -> (T, bool) {
    let mut reply = pin!(reply);
    let (free, wait) = mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || wait.recv());
    let first = poll_fn(|cx| Poll::Ready(reply.as_mut().poll(cx))).await;
    drop(free);
    match first {
        Poll::Ready(reply) => (reply, true),
        Poll::Pending => (reply.await, false),
    }
}

async fn run(store: &Store, batch: Vec<Operation>) -> (Vec<Reply>, bool) {
    see(store.execute(batch)).await
}

async fn get(store: &Store, key: &str) -> (Reply, bool) {
    let (mut replies, at_once) = run(store, vec![operation("GET", &[key])]).await;
    (replies.remove(0), at_once)
}

async fn write(store: &Store, command: &str, args: &[&str]) {
    let reply = store.execute(vec![operation(command, args)]).await.remove(0);
    assert!(!matches!(reply, Reply::Error(_)), "{command}: {reply:?}");
}

#[test]
fn the_first_read_of_a_long_value_after_a_start_is_beside_the_serving_thread() {
    block_on(async {
        let reads: [(&str, &[&str]); 14] = [
            ("GET", &[]),
            ("MGET", &["short"]),
            ("STRLEN", &[]),
            ("GETRANGE", &["0", "1"]),
            ("GETBIT", &["7"]),
            ("BITCOUNT", &[]),
            ("EXISTS", &["short"]),
            ("TOUCH", &[]),
            ("TYPE", &[]),
            ("TTL", &[]),
            ("PEXPIRETIME", &[]),
            ("MGET", &["none", "short"]),
            ("EXISTS", &[]),
            ("STRLEN", &[]),
        ];
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        write(&store, "MSET", &["short", "1", "other", "2"]).await;
        for len in LENGTHS {
            for number in 0..reads.len() {
                write(&store, "SET", &[&format!("{len}:{number}"), &long(len)]).await;
            }
            for key in ["transaction", "batch"] {
                write(&store, "SET", &[&format!("{len}:{key}"), &long(len)]).await;
            }
        }
        close(store).await;
        let store = open(directory.path());
        for (key, expected) in [("short", value("1")), ("none", Reply::Nil), ("short", value("1"))]
        {
            assert_eq!(get(&store, key).await, (expected, true), "{key}");
        }
        for len in LENGTHS {
            for (number, (verb, rest)) in reads.iter().enumerate() {
                let key = format!("{len}:{number}");
                let args = [&[&key[..]], *rest].concat();
                let (replies, at_once) = run(&store, vec![operation(verb, &args)]).await;
                assert!(!matches!(replies[..], [Reply::Error(_) | Reply::Nil]), "{verb:?}");
                assert!(!at_once, "{verb:?} of {len} bytes");
            }
            let key = format!("{len}:batch");
            let batch = vec![operation("GET", &["other"]), operation("GET", &[&key])];
            let (replies, at_once) = run(&store, batch).await;
            assert!(
                replies == [value("2"), value(long(len))] && !at_once,
                "a batch with {len} bytes"
            );
            let get = vec![operation("GET", &[format!("{len}:transaction")])];
            let (reply, at_once) = see(store.transact(None, get)).await;
            let expected = Reply::Array(vec![value(long(len))]);
            assert!(reply == expected && !at_once, "a transaction that reads {len} bytes");
        }
        close(store).await;
    });
}

#[test]
fn a_long_value_that_the_cache_has_forgotten_is_read_beside_the_serving_thread() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let filling = "y".repeat(4 * 1024);
        let fill = async |name: &str| {
            for thousand in 0..20 {
                let set = |n| operation("SET", &[&format!("{name}{thousand}:{n}"), &filling]);
                store.execute((0..1_000).map(set).collect()).await;
            }
        };
        // What comes into an empty cache stays longest.
        fill("before").await;
        for len in LENGTHS {
            write(&store, "SET", &[&len.to_string(), &long(len)]).await;
        }
        fill("after").await;
        for len in LENGTHS {
            let (reply, at_once) = get(&store, &len.to_string()).await;
            assert!(reply == value(long(len)) && !at_once, "{len} bytes");
        }
        close(store).await;
    });
}

#[test]
fn what_is_long_no_more_is_read_on_the_serving_thread_after_a_start() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let [len, _] = LENGTHS;
        for key in ["shorter", "gone", "renamed", "kept"] {
            write(&store, "SET", &[key, &long(len)]).await;
        }
        write(&store, "SET", &["shorter", "1"]).await;
        write(&store, "DEL", &["gone"]).await;
        write(&store, "RENAME", &["renamed", "new"]).await;
        write(&store, "EXPIRE", &["kept", "1000"]).await;
        close(store).await;
        let store = open(directory.path());
        for (key, expected) in
            [("shorter", value("1")), ("gone", Reply::Nil), ("renamed", Reply::Nil)]
        {
            assert_eq!(get(&store, key).await, (expected, true), "{key}");
        }
        for key in ["new", "kept"] {
            let (reply, at_once) = get(&store, key).await;
            assert!(reply == value(long(len)) && !at_once, "{key}");
        }
        close(store).await;
    });
}

#[test]
fn a_cleared_store_has_an_index_of_its_own_of_long_values() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let [len, _] = LENGTHS;
        write(&store, "SET", &["before", &long(len)]).await;
        let sets = (0..2_000).map(|n| operation("SET", &[format!("k{n}"), "1".to_owned()]));
        store.execute(sets.collect()).await;
        write(&store, "FLUSHDB", &[]).await;
        assert_eq!(get(&store, "before").await, (Reply::Nil, true));
        write(&store, "MSET", &["after", &long(len), "short", "1"]).await;
        close(store).await;
        let store = open(directory.path());
        assert_eq!(get(&store, "before").await, (Reply::Nil, true));
        assert_eq!(get(&store, "short").await, (value("1"), true));
        let (reply, at_once) = get(&store, "after").await;
        assert!(reply == value(long(len)) && !at_once);
        close(store).await;
    });
}

/// Has a program write a long value that keeps no index of them.
fn write_without_index(directory: &Path, key: &str, len: usize) {
    let database = open_without_index(directory);
    let data = database.keyspace("data.0", KeyspaceCreateOptions::default).unwrap();
    // As the store writes a value without expiry.
    data.insert(format!("k{key}"), format!("\0{}", long(len))).unwrap();
    database.persist(PersistMode::SyncAll).unwrap();
}

#[test]
fn what_a_program_without_index_wrote_is_read_beside_the_serving_thread() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let [len, _] = LENGTHS;
        let store = open(directory.path());
        write(&store, "SET", &["first", &long(len)]).await;
        let sets = (0..2_000).map(|n| operation("SET", &[format!("k{n}"), "1".to_owned()]));
        store.execute(sets.collect()).await;
        close(store).await;
        let keys = ["first", "second", "third", "fourth"];
        let mut fresh = 0..2_000;
        for round in 1..keys.len() {
            write_without_index(directory.path(), keys[round], len);
            let store = open(directory.path());
            for key in &keys[..=round] {
                let (reply, at_once) = get(&store, key).await;
                assert!(reply == value(long(len)) && !at_once, "{key} in round {round}");
            }
            // Once it knows all of them, it knows which values are short.
            let mut is_complete = false;
            while !is_complete {
                let number = fresh.next().expect("the index becomes complete");
                let (reply, at_once) = get(&store, &format!("k{number}")).await;
                assert_eq!(reply, value("1"));
                is_complete = at_once;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            close(store).await;
            let store = open(directory.path());
            let number = fresh.next().unwrap();
            let at_start = get(&store, &format!("k{number}")).await;
            assert_eq!(at_start, (value("1"), true), "it is complete in round {round}");
            for key in &keys[..=round] {
                let (reply, at_once) = get(&store, key).await;
                assert!(reply == value(long(len)) && !at_once, "{key} in round {round}");
            }
            close(store).await;
        }
    });
}
