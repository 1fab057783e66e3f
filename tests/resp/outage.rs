//! What a client of RESP is told when the store is away.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::daemon::{Daemon, PATIENCE};
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

#[test]
fn a_frozen_store_makes_writes_unknown_and_reads_unavailable() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "2s")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("SET k v", "+OK\r\n");
    valkey.stop();
    let unknown = "-ERR store connection lost; \"SETEX\" may or may not have been applied.\r\n";
    wire.ask("SETEX k 10 w", unknown);
    let unavailable = wire.line("GET k");
    assert!(unavailable.starts_with("-ERR store unavailable: "), "{unavailable}");
    wire.ask("PING", "+PONG\r\n");
    valkey.cont();
}

#[test]
fn a_store_that_is_gone_is_named_with_the_cause_and_comes_back() {
    let Some(mut valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "2s")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("WATCH k", "+OK\r\n");
    valkey.kill();
    for words in ["SET k v", "WATCH other", "LCS a b"] {
        let refused = wire.line(words);
        let is_told = refused.starts_with("-ERR store unavailable: ")
            || refused.starts_with("-ERR store connection lost; \"SET\" may or may not");
        assert!(is_told || refused == "+OK", "{words}: {refused}");
    }
    wire.ask("MULTI", "+OK\r\n");
    wire.ask("SET k v", "+QUEUED\r\n");
    wire.ask("EXEC", "*-1\r\n");
    valkey.restart();
    let mut left = 200;
    while wire.line("SET k v") != "+OK" {
        assert!(left > 0, "the store does not come back");
        left -= 1;
    }
    wire.ask("GET k", "$1\r\nv\r\n");
}

#[test]
fn requests_sent_together_wait_once_for_a_store_that_does_not_serve() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "2s")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("SET k v", "+OK\r\n");
    valkey.serve_nothing();
    let refused = "-ERR store unavailable: ";
    // More than one batch, and more than one read of the socket. The daemon stands still meanwhile, so
    // that it finds no gap between the requests, however slowly this thread runs.
    daemon.signal(Signal::STOP);
    wire.send([request("GET k").repeat(300), request("TTL k").repeat(5000)].concat());
    daemon.signal(Signal::CONT);
    for _ in 0..5300 {
        let line = wire.reads();
        assert!(line.starts_with(refused) && line.contains("MASTERDOWN"), "{line}");
    }
    assert!(valkey.rejected("get") > 300, "the first of them waited");
    assert_eq!(valkey.rejected("ttl"), 5000);
    // A request that comes later waits again: what comes within a second may still be taken for a
    // part of a long pipeline.
    let mut waits = |command: &str| {
        let before = valkey.rejected(command);
        assert!(wire.line(&format!("{command} k")).starts_with(refused));
        valkey.rejected(command) > before + 1
    };
    let end = Instant::now() + PATIENCE;
    while !waits("type") {
        assert!(Instant::now() < end, "type does not wait");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(waits("exists"), "exists did not wait");
}
