//! Clients record what they asked and what they were told, while daemon, Valkey and the
//! connections between them are killed, frozen and cut; then the record of each key is checked for
//! linearizability. Both protocols on the same keys, over each engine.
//!
//! The daemon runs under a service manager of the test's own, which holds its socket, and as the
//! packaged unit under systemd: a restart keeps every connection, and a connection that ends without
//! a reason is a failure of its own.
//!
//! What was answered took place, once, between question and answer. What was refused
//! (`store unavailable`) did not take place. What is of unknown outcome took place once or not at
//! all. Valkey runs with `appendfsync always`, so that it may be killed.
//!
//! - `KVSOCK_TEST_SECONDS`: how long each engine is tried; 25 if not set, and 10 under systemd.
//! - `KVSOCK_TEST_SEED`: what requests and faults follow from; random if not set, and always
//!   printed. The moments are the machine's own: the same seed is a run much like it.
//!
//! A long run: `KVSOCK_TEST_SECONDS=3600 tests/long histories`

mod checker;
mod client;
mod histories;
mod liar;
mod load;
#[allow(dead_code, reason = "each test crate uses its own part of the fixtures")]
#[path = "../support/machine.rs"]
mod machine;
mod manager;
mod model;
mod pace;
mod run;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod under_systemd;
#[path = "../support/unit.rs"]
mod unit;

use std::io::Write;
use std::time::Duration;

use liar::Lie;
use run::{Findings, Plan};
use subject::{Engine, Subject};

/// How many times slower answers may come between faults than before them: clients connect again, and
/// the daemon may have to start first.
const SLOWED: f64 = 5.0;

/// A number of the environment.
fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
}

/// Under a manager of the test's own.
fn check(engine: Engine) {
    let Some(subject) = Subject::start(engine, None) else { return };
    try_out(subject, engine, 25, "a manager of its own");
}

/// Tries it for so many seconds, if not asked for more.
fn try_out(subject: Subject, engine: Engine, seconds: u64, manager: &str) -> Findings {
    let seed = number("KVSOCK_TEST_SEED").unwrap_or_else(rand::random);
    let seconds = number("KVSOCK_TEST_SECONDS").unwrap_or(seconds);
    let what = format!("{engine:?} under {manager}, {seconds} s, KVSOCK_TEST_SEED={seed}");
    // Not by a macro, whose output cargo test keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "{what}");
    let plan = Plan { engine, seed, time: Duration::from_secs(seconds), is_lied_to: false };
    let found = plan.run(subject);
    let _ = writeln!(std::io::stderr(), "{what}: {}", found.summary());
    assert!(found.violations.is_empty(), "{what}:\n{}", found.violations.join("\n"));
    let Findings { calm, between, .. } = found;
    assert!(between * SLOWED > calm, "{between} answers a second are no load to {calm}");
    assert!(found.unknown > 0, "no fault hit a write under way");
    found
}

/// A check that finds nothing wrong where something is, is none.
fn finds(lie: Lie) {
    // Few values are left alone until they expire.
    let time = Duration::from_secs(if lie == Lie::Lasting { 12 } else { 1 });
    let Some(subject) = Subject::start(Engine::Valkey, Some(lie)) else { return };
    let found = Plan { engine: Engine::Valkey, seed: 1, time, is_lied_to: true }.run(subject);
    let _ = writeln!(
        std::io::stderr(),
        "{lie:?}: {} of {} keys found wrong; {}",
        found.violations.len(),
        found.keys,
        found.summary()
    );
    assert!(!found.violations.is_empty(), "{lie:?} was not found; {}", found.summary());
}

#[test]
fn histories_over_valkey_under_faults_are_linearizable() {
    check(Engine::Valkey);
}

#[test]
fn histories_over_valkey_with_a_near_cache_under_faults_are_linearizable() {
    check(Engine::CachedValkey);
}

#[test]
fn histories_over_the_embedded_store_under_faults_are_linearizable() {
    check(Engine::Embedded);
}

#[test]
fn a_store_that_writes_twice_is_found() {
    finds(Lie::Twice);
}

#[test]
fn a_store_that_loses_writes_is_found() {
    finds(Lie::Never);
}

#[test]
fn a_store_that_repeats_an_old_write_is_found() {
    finds(Lie::Again);
}

#[test]
fn a_store_that_answers_from_the_past_is_found() {
    finds(Lie::Stale);
}

#[test]
fn a_store_that_keeps_what_has_expired_is_found() {
    finds(Lie::Lasting);
}
