//! What becomes of requests when the Valkey server fails: killed, standing still, closing
//! connections, asking for another password, or answering nonsense.

mod load;
mod outage;
mod refusal;
#[path = "../support/mod.rs"]
mod support;
mod torn;

use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Health, Operation, Store, Verb};

/// Runs a test's future as the daemon runs: on one thread.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}

fn operation(verb: Verb, args: &[&str]) -> Operation {
    Operation { verb, args: args.iter().map(|arg| Bytes::from((*arg).to_owned())).collect() }
}

async fn one(store: &Store, verb: Verb, args: &[&str]) -> Reply {
    let mut replies = store.execute(vec![operation(verb, args)]).await;
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

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
