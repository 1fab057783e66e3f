//! The fault matrix: what can go wrong with the store, the daemon and the clients, each with real
//! processes. While it does, clients of all protocols go on, and check every single reply: what was
//! acknowledged is there, replies are the right ones and in order, a write of unknown outcome is
//! reported as such, and carried out once or not at all. What they know is in
//! `../support/ledger.rs`, which `ledger.rs` tries with stores that do wrong.
//!
//! | the store | |
//! |---|---|
//! | killed, frozen, restarted empty, not there yet | `store_away.rs` |
//! | behind a password that changed, out of memory, a read-only replica, disk full on save | `store_refusing.rs` |
//! | slow, closing connections at random, answering garbage | `store_line.rs` |
//!
//! | the daemon | |
//! |---|---|
//! | killed | `daemon_killed.rs` |
//! | out of descriptors | `daemon_descriptors.rs` |
//! | its clock stepped back, and forth | `daemon_clock.rs` |
//! | its disk full | `daemon_disk.rs`; the engine by itself: `../disk_full.rs` |
//! | frozen until the watchdog acts, its journal restarted | `../e2e/fault.rs`, under systemd |
//!
//! | clients | |
//! |---|---|
//! | that are silent, slow, vanish, half-close, never read, or send 1 GiB without a newline | `client.rs` |
//! | ten thousand at once | `crowd.rs` |
//! | hostile users at once, beside a polite one | `users/` |
//!
//! | all of these again, under the packaged units of systemd 252 and 257 | |
//! |---|---|
//! | restarted empty, closing connections at random, answering garbage; full disks, no descriptors, the clock; clients of all kinds | `under_systemd.rs` |
//! | the other faults of the store, and many bad clients at once | `../e2e/fault_store.rs` |
//! | the daemon killed, and everything at random | `../history/under_systemd.rs` |
//!
//! What each store engine does by itself is in `../store_failures/` and `../embedded/`; all faults
//! at random, with a check for linearizability, in `../history/`.
//!
//! Each test prints its figures. A longer run, of so many times the faults:
//! `KVSOCK_TEST_FAULTS=20 tests/long faults`

mod client;
mod crowd;
mod daemon_clock;
mod daemon_descriptors;
mod daemon_disk;
mod daemon_killed;
mod ledger;
#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "../support/machine.rs"]
mod machine;
mod store_away;
mod store_line;
mod store_refusing;
#[path = "../support/mod.rs"]
mod support;
mod under_systemd;
#[path = "../support/unit.rs"]
mod unit;
mod users;

use std::io::Write;
use std::time::{Duration, Instant};

/// How often a fault comes, of which a short run has `short`.
fn rounds(short: u64) -> u64 {
    let times = std::env::var("KVSOCK_TEST_FAULTS").ok();
    short * times.map_or(1, |text| text.parse().expect("KVSOCK_TEST_FAULTS is a number"))
}

/// Shows a figure.
fn show(text: &str) {
    // Not by a macro, whose output cargo test keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Waits for what must come.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
