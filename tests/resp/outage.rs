//! What a client of RESP is told when the store is away.

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::wire::Wire;

#[test]
fn a_frozen_store_makes_writes_unknown_and_reads_unavailable() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "2s")]);
    let mut wire = Wire::connect(&daemon);
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
    let mut wire = Wire::connect(&daemon);
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
