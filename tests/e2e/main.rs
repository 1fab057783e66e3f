//! What systemd and kvsock promise together, seen by users on a real machine: one test, one boot.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod client;
#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "../support/ledger.rs"]
mod ledger;
#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "../support/load.rs"]
mod load;
#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "../support/machine.rs"]
mod machine;
#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "../support/wire/mod.rs"]
mod wire;

mod activation;
mod audit;
mod cage;
mod configuration;
mod credential;
mod crowd;
mod fault;
mod fault_store;
mod idle;
mod instance;
mod journal;
mod package;
mod permission;
mod readiness;
mod reload;
mod restart;
mod stop;
mod store;
mod transfer;
mod unit;

/// Settings of a machine without Valkey.
const EMBEDDED: &str = "KVSOCK_STORE=embedded\n";
/// Settings of a machine with Valkey beside kvsock.
const VALKEY: &str = "KVSOCK_STORE=valkey://127.0.0.1:6379/0\nKVSOCK_STORE_TIMEOUT=1s\n";

/// The same, waiting for it longer than a busy machine makes it wait.
const PATIENT: &str = "KVSOCK_STORE=valkey://127.0.0.1:6379/0\nKVSOCK_STORE_TIMEOUT=20s\n";
