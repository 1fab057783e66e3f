//! What one client may ask for without harm to others.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

const MIB: usize = 1024 * 1024;

fn numbered(command: &str, count: usize) -> Vec<u8> {
    let numbers: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    request(&format!("{command} {}", numbers.join(" ")))
}

#[test]
fn keys_past_a_thousand_are_not_watched_and_exec_does_nothing() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.send(numbered("WATCH", 1000));
    wire.expect("+OK\r\n");
    wire.ask("WATCH 0 1 2", "+OK\r\n");
    wire.ask("WATCH one-more", "-ERR too many watched keys: more than 1000\r\n");
    wire.ask("MULTI", "+OK\r\n");
    wire.ask("EXEC", "*-1\r\n");
    wire.ask("WATCH one-more", "+OK\r\n");
    wire.ask(&format!("WATCH {}", "k".repeat(5000)), "-ERR watched key longer than 4096 bytes\r\n");
}

#[test]
fn a_transactions_replies_are_bounded_whoever_gives_them() {
    let bounded = |daemon: &Daemon| {
        let mut wire = Wire::connect(&daemon.socket());
        let value = "v".repeat(MIB / 2);
        wire.ask(&format!("SET big {value}"), "+OK\r\n");
        for words in ["GET big", "COMMAND DOCS", "CLIENT LIST"] {
            let _others: Vec<Wire> = (0..50).map(|_| Wire::connect(&daemon.socket())).collect();
            wire.send(request("MULTI"));
            wire.send(request(words).repeat(500));
            wire.send(request("EXEC"));
            wire.expect(format!("+OK\r\n{}", "+QUEUED\r\n".repeat(500)));
            assert!(wire.reads().starts_with("-ERR reply longer than 1048576 bytes"), "{words}");
        }
        wire.ask("PING", "+PONG\r\n");
        assert!(daemon.memory() < 1024 * MIB, "{}", daemon.memory());
    };
    bounded(&Daemon::start(&[("MAX_REPLY", "1MiB")]));
    let Some(valkey) = Setup::default().start() else { return };
    bounded(&Daemon::start(&[("MAX_REPLY", "1MiB"), ("STORE", &valkey.url())]));
}

#[test]
fn what_waits_for_exec_is_counted_as_it_was_sent() {
    let daemon = Daemon::start(&[("MAX_REQUEST", "1MiB")]);
    let refused = "-ERR transaction longer than 1048576 bytes\r\n";
    let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("MULTI", "+OK\r\n");
    let mut empty = b"*100001\r\n$3\r\nDEL\r\n".to_vec();
    for _ in 0..100_000 {
        empty.write_all(b"$0\r\n\r\n").expect("a Vec takes every write");
    }
    wire.send(&empty);
    wire.expect("+QUEUED\r\n");
    wire.send(&empty);
    wire.expect(refused);
    wire.ask("EXEC", aborted);
    // A request and its twin of so many bytes that one of them fits and both do not.
    for (fits, reply) in [(MIB - 31, "+QUEUED\r\n"), (MIB - 30, refused)] {
        wire.ask("MULTI", "+OK\r\n");
        wire.ask(&format!("ECHO {}", "v".repeat(MIB / 2)), "+QUEUED\r\n");
        // "*2", "$4", "ECHO", and the lengths of what follows, each with its line end.
        let taken = 4 + 4 + 6 + 9 + MIB / 2 + 2 + (4 + 4 + 6 + 9 + 2);
        wire.ask(&format!("ECHO {}", "v".repeat(fits + 31 - taken)), reply);
        wire.ask("DISCARD", "+OK\r\n");
    }
}

#[test]
fn a_transaction_that_computes_for_too_long_is_refused_and_stops_no_others_writes() {
    let daemon = Daemon::start(&[("STORE_TIMEOUT", "1s")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask(&format!("SET a {}", "a".repeat(10_000)), "+OK\r\n");
    wire.ask(&format!("SET b {}", "ab".repeat(5_000)), "+OK\r\n");
    wire.send(request("MULTI"));
    wire.send(request("LCS a b LEN").repeat(4_000));
    wire.send([request("SET done 1"), request("EXEC")].concat());
    wire.expect(format!("+OK\r\n{}", "+QUEUED\r\n".repeat(4_001)));
    Wire::connect(&daemon.socket()).ask("SET other 1", "+OK\r\n");
    wire.expect("-ERR transaction takes longer than 1 s\r\n");
    wire.ask("GET done", "$-1\r\n");
}

#[test]
fn a_connection_keeps_short_names_only() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    let long = "n".repeat(1025);
    let refused = "cannot be longer than 1024 bytes.\r\n";
    wire.ask(&format!("CLIENT SETNAME {long}"), format!("-ERR Client names {refused}"));
    wire.ask(&format!("CLIENT SETINFO LIB-VER {long}"), format!("-ERR LIB-VER {refused}"));
    wire.ask(&format!("HELLO 2 SETNAME {long}"), format!("-ERR Client names {refused}"));
}

#[test]
fn a_killed_client_that_does_not_read_gives_its_memory_back() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask(&format!("SET big {}", "v".repeat(MIB)), "+OK\r\n");
    let mut lazy = Wire::connect(&daemon.socket());
    let id = lazy.number("CLIENT ID");
    lazy.send(request("GET big").repeat(20));
    wire.ask(&format!("CLIENT KILL ID {id}"), ":1\r\n");
    let end = Instant::now() + Duration::from_secs(10);
    while !wire.text(&format!("CLIENT LIST ID {id}")).is_empty() {
        assert!(Instant::now() < end, "it is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_store_that_refuses_multi_leaves_the_outcome_unknown() {
    let Some(valkey) = Setup::default().start() else { return };
    valkey.command(&["ACL", "SETUSER", "limited", "on", "nopass", "~*", "+@all", "-multi"]);
    let url = valkey.url();
    let daemon =
        Daemon::start(&[("STORE", &url), ("STORE_USERNAME", "limited"), ("STORE_PASSWORD", "x")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("MULTI", "+OK\r\n");
    wire.ask("SET a 1", "+QUEUED\r\n");
    let unknown = "-ERR store connection lost; \"EXEC\" may or may not have been applied.\r\n";
    wire.ask("EXEC", unknown);
}
