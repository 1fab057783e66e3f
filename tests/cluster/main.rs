//! A cluster as the store, with real servers: what goes to one slot and what to several, slots that
//! are moved and masters that are killed while clients check every reply.
//!
//! The contract of all stores holds over it, see `../contract/`.
//!
//! A longer run, of so many times the faults:
//! `KVSOCK_TEST_FAULTS=20 tests/long faults`

mod keys;
mod kill;
mod moving;
mod room;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod transactions;

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Health, Store};

use support::seam::{one, operation, run};

/// How often something is done, of which a short run does `short`.
fn rounds(short: u64) -> u64 {
    let times = std::env::var("KVSOCK_TEST_FAULTS").ok();
    short * times.map_or(1, |text| text.parse().expect("KVSOCK_TEST_FAULTS is a number"))
}

/// Shows a figure.
fn show(text: &str) {
    // Not by a macro, whose output cargo test keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn value(text: &str) -> Reply {
    Reply::Value(Bytes::from(text.to_owned()))
}

fn values(texts: &[Option<&str>]) -> Reply {
    let value = |text: &str| Bytes::from(text.to_owned());
    Reply::List(texts.iter().map(|text| text.map(value)).collect())
}

fn cross_slot() -> Reply {
    Reply::coded("CROSSSLOT Keys in request don't hash to the same slot")
}

/// Waits until `met` holds.
async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !met() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_up(store: &Store) {
    until("the store is up", || store.health() == Health::Up).await;
}
