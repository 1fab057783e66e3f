//! What becomes of requests when the Valkey server fails: killed, standing still, closing
//! connections, asking for another password, or answering nonsense.

mod expense;
mod load;
mod outage;
mod refusal;
#[path = "../support/mod.rs"]
mod support;
mod torn;

use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Health, Store};

use support::seam::{one, operation, run};

fn value(text: &str) -> Reply {
    Reply::Value(Bytes::from(text.to_owned()))
}

/// Waits until `met` holds.
async fn until(what: &str, met: impl Fn() -> bool) {
    let begin = Instant::now();
    while !met() {
        assert!(begin.elapsed() < Duration::from_secs(10), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_up(store: &Store) {
    until("the store is up", || store.health() == Health::Up).await;
}

async fn until_down(store: &Store, cause: &str) {
    let is_down = || matches!(store.health(), Health::Down(why) if why.contains(cause));
    until(cause, is_down).await;
}
