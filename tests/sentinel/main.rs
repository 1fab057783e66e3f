//! A store that sentinels know the address of, with real servers and sentinels: masters that are
//! replaced while clients check every reply, and what is said where there is none.
//!
//! The contract of all stores holds over it, see `../contract/`.

mod cause;
mod failover;
mod own;
#[path = "../support/mod.rs"]
mod support;
#[path = "../cluster/tally.rs"]
mod tally;

use std::io::Write;
use std::time::{Duration, Instant};

use kvsock::store::{Health, Store};

use support::seam::{one, operation, run};

/// Shows a figure.
fn show(text: &str) {
    // Not by a macro, whose output cargo test keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "{text}");
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
