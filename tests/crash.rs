//! The embedded store outlives SIGKILL at any moment with all that it acknowledged.
//!
//! A process of its own (this program again, running only [`writing_process`]) writes under load
//! and prints each acknowledgement; it is killed at a random moment, and the store is examined.
//! `KVSOCK_CRASH_ROUNDS` says how often for each sync mode, 100 by default.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/embedded.rs"]
mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kvsock::message::Reply;
use kvsock::store::{Options, Store, Sync, Verb};

use support::{Opened, operation, options};

/// Clients of the process that is killed.
const CLIENTS: usize = 12;
/// Keys of each client, written again and again.
const KEYS: u64 = 40;
/// Fewer than there are keys.
const DEPTH: usize = 200;
/// Rounds on one store; a new one then, for the longer a store is used, the longer its journal
/// takes to read.
const ROUNDS_OF_A_STORE: u32 = 5;

const DIRECTORY: &str = "KVSOCK_CRASH_DIRECTORY";
const SYNC: &str = "KVSOCK_CRASH_SYNC";
const FIRST: &str = "KVSOCK_CRASH_FIRST";

#[test]
fn nothing_acknowledged_is_lost_with_sync_always() {
    kill_again_and_again("always");
}

#[test]
fn nothing_acknowledged_is_lost_with_sync_everysec() {
    kill_again_and_again("everysec");
}

#[test]
fn nothing_acknowledged_is_lost_with_sync_no() {
    kill_again_and_again("no");
}

fn settings(directory: &Path, sync: &str) -> Options {
    let sync = match sync {
        "always" => Sync::Always,
        "everysec" => Sync::EverySecond,
        _ => Sync::No,
    };
    Options { sync, last_depth: DEPTH, ..options(directory) }
}

fn key(client: usize, number: u64) -> String {
    format!("{client}:{}", number % KEYS)
}

fn counter(client: usize) -> String {
    format!("count:{client}")
}

fn kill_again_and_again(sync: &str) {
    let rounds: u32 = std::env::var("KVSOCK_CRASH_ROUNDS").map_or(100, |it| it.parse().unwrap());
    let mut home = tempfile::tempdir().unwrap();
    let mut writes = 0;
    let mut first = 0;
    for round in 0..rounds {
        if round % ROUNDS_OF_A_STORE == 0 {
            home = tempfile::tempdir().unwrap();
        }
        let acknowledged = run_and_kill(&home.path().join("db"), sync, first);
        let store = Opened::new(settings(&home.path().join("db"), sync));
        examine(&store, first, &acknowledged);
        store.close();
        writes += acknowledged.values().map(|number| number + 1 - first).sum::<u64>();
        // Past the writes that may have taken place without an acknowledgement.
        first = acknowledged.values().max().map_or(first, |number| number + 2);
    }
    eprintln!("sync {sync}: {rounds} kills, {writes} writes acknowledged, none lost");
    assert!(writes > u64::from(rounds), "hardly a write between the kills");
}

/// Runs the writing process for a random time; the last number acknowledged to each client.
fn run_and_kill(directory: &Path, sync: &str, first: u64) -> HashMap<usize, u64> {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writing_process", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env(SYNC, sync)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let is_ready = |line: &std::io::Result<String>| line.as_ref().unwrap().contains("ready");
    assert!(lines.by_ref().any(|line| is_ready(&line)), "the writing process did not start");
    let killing = std::thread::spawn(move || kill_soon(process));
    let mut acknowledged = HashMap::new();
    for line in lines {
        let line = line.unwrap();
        let mut words = line.split(' ');
        // The kill may cut the last line; its number is then not read as acknowledged.
        if let (Some("ack"), Some(client), Some(number), Some("end")) =
            (words.next(), words.next(), words.next(), words.next())
        {
            acknowledged.insert(client.parse().unwrap(), number.parse().unwrap());
        }
    }
    killing.join().unwrap();
    acknowledged
}

fn kill_soon(mut process: Child) {
    std::thread::sleep(Duration::from_micros(rand::random_range(0..40_000)));
    process.kill().unwrap();
    process.wait().unwrap();
}

fn examine(store: &Opened, first: u64, acknowledged: &HashMap<usize, u64>) {
    for (&client, &number) in acknowledged {
        let batch = (first..=number).rev().take(usize::try_from(KEYS).unwrap());
        let batch = batch.map(|number| operation(Verb::Get, &[key(client, number)])).collect();
        for (expected, reply) in (first..=number).rev().zip(store.batch(batch)) {
            let found = as_number(&reply);
            // Only the write after the last acknowledged one may have taken place too, at the
            // key that is the oldest by now.
            let next = number + 1;
            let overwritten = found == Some(next) && next % KEYS == expected % KEYS;
            assert!(found == Some(expected) || overwritten, "{client}: {found:?} for {expected}");
        }
        let counted = as_number(&store.run(Verb::Get, &[counter(client)]));
        assert!([Some(number), Some(number + 1)].contains(&counted), "{client}: {counted:?}");
    }
    let Reply::List(keys) = store.run(Verb::Keys, &["*"]) else { panic!("keys") };
    assert_eq!(store.ask(Verb::Size), Reply::Integer(i64::try_from(keys.len()).unwrap()));
    let Reply::Pairs(last) = store.run(Verb::Last, &["100000"]) else { panic!("pairs") };
    assert_eq!(last.len(), keys.len().min(DEPTH));
    let mut newest = HashMap::new();
    for (key, value) in last {
        let (key, value) = (std::str::from_utf8(&key).unwrap(), Reply::Value(value));
        assert_eq!(store.run(Verb::Get, &[key]), value);
        let client = key.strip_prefix("count:").is_none().then(|| key.split(':').next().unwrap());
        let Some(client) = client else { continue };
        let before = newest.insert(client.to_owned(), as_number(&value));
        assert!(before < Some(as_number(&value)), "client {client} is out of order");
    }
}

fn as_number(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Value(value) => Some(std::str::from_utf8(value).unwrap().parse().unwrap()),
        Reply::Nil => None,
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "the process that the other tests start and kill"]
fn writing_process() {
    let directory = std::env::var_os(DIRECTORY).expect("started by the other tests");
    let sync = std::env::var(SYNC).unwrap();
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(Store::open(settings(directory.as_ref(), &sync)).unwrap());
        println!("ready");
        let clients = (0..CLIENTS).map(|client| tokio::spawn(write(store.clone(), client, first)));
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    });
}

async fn write(store: Arc<Store>, client: usize, first: u64) {
    for number in first.. {
        let batch = vec![
            operation(Verb::Set, &[key(client, number), number.to_string()]),
            operation(Verb::Set, &[counter(client), number.to_string()]),
        ];
        let replies = store.execute(batch).await;
        assert_eq!(replies, [Reply::OK, Reply::OK]);
        let mut out = std::io::stdout().lock();
        writeln!(out, "ack {client} {number} end").unwrap();
        out.flush().unwrap();
    }
}
