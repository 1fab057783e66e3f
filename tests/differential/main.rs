//! The same random commands go to a plain Valkey and to kvsock on each engine, and their replies
//! are compared byte for byte, in RESP2 and in RESP3. What differs is a bug, or stands in
//! `known.rs`.
//!
//! - `KVSOCK_TEST_COMMANDS`: how many commands each test sends; 5000 if not set. More than 50,000 are
//!   sent in several runs, each to new servers and with the next seed.
//! - `KVSOCK_TEST_SEED`: what the commands follow from; random if not set, and always printed. The
//!   same seed, engine and protocol send the same commands again.
//!
//! A long run:
//! `KVSOCK_TEST_COMMANDS=200000 tests/long differential`

mod compare;
mod connection;
mod frames;
mod free;
mod generate;
mod glob;
mod grammar;
mod known;
mod pattern;
mod report;
mod run;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod vocabulary;
mod word;

use std::io::Write;

use connection::Connection;
use run::Plan;
use server::{Engine, Server};

/// Commands that the same servers get. Walks over all keys of the embedded store pass what has been
/// overwritten since it last wrote a table, so that more would take longer and longer.
const OF_A_RUN: usize = 50_000;

/// Compares, and fails with all that was found.
fn check(engine: Engine, resp3: bool) {
    let mut seed = number("KVSOCK_TEST_SEED").unwrap_or_else(rand::random);
    let mut left = number("KVSOCK_TEST_COMMANDS").unwrap_or(5000);
    while left > 0 {
        let commands = left.min(OF_A_RUN);
        check_run(engine, resp3, seed, commands);
        (left, seed) = (left - commands, seed.wrapping_add(1));
    }
}

/// The same of one run.
fn check_run(engine: Engine, resp3: bool, seed: u64, commands: usize) {
    let (Some(reference), Some(subject)) = (Server::start(Engine::Plain), Server::start(engine))
    else {
        return;
    };
    let plan = Plan { seed, commands, resp3, reference: &reference, subject: &subject };
    let protocol = if resp3 { "RESP3" } else { "RESP2" };
    let what = format!("{commands} commands, {engine:?}, {protocol}, KVSOCK_TEST_SEED={seed}");
    // Not by a macro, whose output cargo test keeps to itself when a test passes. Twice, so that the
    // seed is known where the run does not come to its end.
    let _ = writeln!(std::io::stderr(), "{what}");
    let (found, tally) = plan.differences();
    let _ = writeln!(std::io::stderr(), "{what}: {tally}");
    // A run that ends early has not met all of it.
    if found.is_empty() && commands >= 5000 {
        let least = [tally.openings, tally.sessions, tally.transactions, tally.whole];
        assert!(least.iter().all(|count| *count > 0), "{tally}");
    }
    let texts: Vec<String> = found.iter().map(report::Difference::text).collect();
    assert!(found.is_empty(), "{what}: differs\n{}", texts.join("\n"));
}

/// A number of the environment.
fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
}

#[test]
fn a_valkey_answers_as_another_valkey_in_resp2() {
    check(Engine::Plain, false);
}

#[test]
fn a_valkey_answers_as_another_valkey_in_resp3() {
    check(Engine::Plain, true);
}

#[test]
fn the_embedded_store_answers_as_valkey_in_resp2() {
    check(Engine::Embedded, false);
}

#[test]
fn the_embedded_store_answers_as_valkey_in_resp3() {
    check(Engine::Embedded, true);
}

#[test]
fn kvsock_on_valkey_answers_as_valkey_in_resp2() {
    check(Engine::Valkey, false);
}

#[test]
fn kvsock_on_valkey_answers_as_valkey_in_resp3() {
    check(Engine::Valkey, true);
}

#[test]
fn kvsock_under_a_prefix_answers_as_valkey_in_resp2() {
    check(Engine::Prefixed, false);
}

#[test]
fn kvsock_under_a_prefix_answers_as_valkey_in_resp3() {
    check(Engine::Prefixed, true);
}

#[test]
fn kvsock_with_a_near_cache_answers_as_valkey_in_resp2() {
    check(Engine::Cached, false);
}

#[test]
fn kvsock_with_a_near_cache_answers_as_valkey_in_resp3() {
    check(Engine::Cached, true);
}

#[test]
fn one_command_too_many_on_one_server_is_found() {
    let (Some(reference), Some(subject)) =
        (Server::start(Engine::Plain), Server::start(Engine::Plain))
    else {
        return;
    };
    let found = (1..=5).any(|seed| {
        let plan =
            Plan { seed, commands: 1000, resp3: false, reference: &reference, subject: &subject };
        // A run may begin by emptying both servers; not all of these do.
        Connection::open(&subject.socket(), false).ask(&["SET", "hello", "planted"]);
        !plan.differences().0.is_empty()
    });
    assert!(found);
}
