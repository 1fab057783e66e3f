//! Transactions and what they depend on, over each store.

use std::time::Duration;

use crate::support::daemon::Daemon;
use crate::support::valkey::{Setup, Valkey};
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

/// Runs a check on each store, with and without a prefix.
fn on_each_store(check: impl Fn(&Daemon)) {
    check(&Daemon::start(&[]));
    check(&Daemon::start(&[("KEY_PREFIX", "p:")]));
    let Some(valkey) = Setup::default().start() else { return };
    check(&Daemon::start(&[("STORE", &valkey.url())]));
    check(&Daemon::start(&[("STORE", &valkey.url()), ("KEY_PREFIX", "p:")]));
}

fn on_valkey(settings: &[(&str, &str)], check: impl FnOnce(&Daemon, Valkey)) {
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let settings: Vec<_> = settings.iter().copied().chain([("STORE", url.as_str())]).collect();
    let daemon = Daemon::start(&settings);
    check(&daemon, valkey);
}

#[test]
fn what_was_sent_before_watch_in_the_same_write_does_not_spoil_it() {
    on_each_store(|daemon| {
        let mut wire = Wire::connect(&daemon.socket());
        let words = ["SET k 1", "INCR k", "WATCH k", "GET k", "MULTI", "INCR k", "EXEC"];
        wire.send(words.iter().flat_map(|words| request(words)).collect::<Vec<_>>());
        wire.expect("+OK\r\n:2\r\n+OK\r\n$1\r\n2\r\n+OK\r\n+QUEUED\r\n*1\r\n:3\r\n");
    });
}

#[test]
fn a_transaction_of_200_000_short_commands_is_carried_out() {
    const COUNT: usize = 200_000;
    let check = |settings: &[(&str, &str)]| {
        // Where the programs are not optimized, or the machine is busy, it takes its time.
        let settings = [settings, &[("STORE_TIMEOUT", "60"), ("MAX_REPLY", "4MiB")]].concat();
        let daemon = Daemon::start(&settings);
        let mut wire = Wire::connect(&daemon.socket());
        let mut requests = request("MULTI");
        (0..COUNT).for_each(|n| requests.extend(request(&format!("SET key:{n} value:{n}"))));
        requests.extend(request("EXEC"));
        // All of it is written before anything is read, as clients' pipelines do.
        wire.send(requests);
        wire.expect(format!("+OK\r\n{}", "+QUEUED\r\n".repeat(COUNT)));
        assert_eq!(wire.reads(), format!("*{COUNT}"));
        wire.expect("+OK\r\n".repeat(COUNT));
        wire.ask("DBSIZE", format!(":{COUNT}\r\n"));
        wire.ask("GET key:199999", "$12\r\nvalue:199999\r\n");
    };
    check(&[]);
    let Some(valkey) = Setup::default().start() else { return };
    check(&[("STORE", &valkey.url())]);
}

#[test]
fn a_change_by_anybody_lets_exec_do_nothing() {
    on_each_store(|daemon| {
        let (mut one, mut other) =
            (Wire::connect(&daemon.socket()), Wire::connect(&daemon.socket()));
        one.ask("SET a 1", "+OK\r\n");
        for change in ["SET a 2", "DEL a", "SET new 1", "EXPIRE e 100", "FLUSHALL"] {
            one.ask("SET e 1", "+OK\r\n");
            one.ask("WATCH a e new", "+OK\r\n");
            other.line(change);
            one.ask("MULTI", "+OK\r\n");
            one.ask("SET b 1", "+QUEUED\r\n");
            one.ask("EXEC", "*-1\r\n");
            one.ask("EXISTS b", ":0\r\n");
            one.ask("SET a 1", "+OK\r\n");
            one.ask("DEL new", if change == "SET new 1" { ":1\r\n" } else { ":0\r\n" });
        }
    });
}

#[test]
fn what_changed_nothing_lets_exec_go_on() {
    on_each_store(|daemon| {
        let (mut one, mut other) =
            (Wire::connect(&daemon.socket()), Wire::connect(&daemon.socket()));
        one.ask("SET a 1", "+OK\r\n");
        one.ask("WATCH a none", "+OK\r\n");
        other.ask("DEL none", ":0\r\n");
        other.ask("SET a 2 NX", "$-1\r\n");
        other.ask("GET a", "$1\r\n1\r\n");
        other.ask("SET unrelated 1", "+OK\r\n");
        other.ask("SET none 1 PXAT 1", "+OK\r\n");
        one.ask("MULTI", "+OK\r\n");
        one.ask("INCR a", "+QUEUED\r\n");
        one.ask("EXEC", "*1\r\n:2\r\n");
    });
}

#[test]
fn unwatch_discard_and_reset_forget_what_was_watched() {
    on_each_store(|daemon| {
        let (mut one, mut other) =
            (Wire::connect(&daemon.socket()), Wire::connect(&daemon.socket()));
        for forget in [&["UNWATCH"][..], &["MULTI", "DISCARD"], &["RESET"]] {
            one.ask("WATCH a", "+OK\r\n");
            other.ask("SET a 1", "+OK\r\n");
            for words in forget {
                one.line(words);
            }
            one.ask("MULTI", "+OK\r\n");
            one.ask("GET a", "+QUEUED\r\n");
            one.ask("EXEC", "*1\r\n$1\r\n1\r\n");
        }
    });
}

#[test]
fn transactions_of_many_clients_lose_no_increment() {
    on_each_store(|daemon| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut wire = Wire::connect(&daemon.socket());
                    for _ in 0..25 {
                        increment(&mut wire);
                    }
                });
            }
        });
        Wire::connect(&daemon.socket()).ask("GET counter", "$3\r\n200\r\n");
    });
}

/// Adds 1 as clients without INCR do: reads, and writes if nobody has written meanwhile.
fn increment(wire: &mut Wire) {
    loop {
        wire.ask("WATCH counter", "+OK\r\n");
        let header = wire.line("GET counter");
        let value: u32 = match header.as_str() {
            "$-1" => 0,
            _ => wire.skip_to("\r\n").parse().expect("a number"),
        };
        wire.ask("MULTI", "+OK\r\n");
        wire.ask(&format!("SET counter {}", value + 1), "+QUEUED\r\n");
        match wire.line("EXEC").as_str() {
            "*1" => return wire.expect("+OK\r\n"),
            "*-1" => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn nobody_sees_half_of_a_transaction() {
    on_each_store(|daemon| {
        let mut writer = Wire::connect(&daemon.socket());
        writer.ask("MSET a 0 b 0", "+OK\r\n");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut wire = Wire::connect(&daemon.socket());
                let mut last = 0;
                while last < 200 {
                    wire.send(request("MGET a b"));
                    wire.expect("*2\r\n");
                    let mut value = || {
                        wire.skip_to("\r\n");
                        wire.skip_to("\r\n").parse::<u32>().expect("a number")
                    };
                    let (a, b) = (value(), value());
                    assert_eq!(a, b);
                    last = a;
                }
            });
            for n in 1..=200 {
                writer.send([request("MULTI"), request(&format!("SET a {n}"))].concat());
                writer.send([request(&format!("SET b {n}")), request("EXEC")].concat());
                writer.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n");
            }
            reader.join().expect("the reader");
        });
    });
}

#[test]
fn last_knows_what_a_transaction_set() {
    on_each_store(|daemon| {
        let mut wire = Wire::connect(&daemon.socket());
        wire.ask("MULTI", "+OK\r\n");
        wire.ask("SET a 1", "+QUEUED\r\n");
        wire.ask("MSET b 2 c 3", "+QUEUED\r\n");
        wire.ask("EXEC", "*2\r\n+OK\r\n+OK\r\n");
        wire.ask("LAST 2", "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n");
    });
}

#[test]
fn watches_past_the_pool_wait_and_then_fail_clearly() {
    on_valkey(&[("STORE_TIMEOUT", "2s")], |daemon, _| {
        let mut holders: Vec<Wire> = (0..32).map(|_| Wire::connect(&daemon.socket())).collect();
        for wire in &mut holders {
            wire.ask("WATCH a", "+OK\r\n");
        }
        let mut wire = Wire::connect(&daemon.socket());
        let uid = rustix::process::getuid().as_raw();
        let refusal = format!(
            "-ERR user {uid} has 32 of 64 connections for WATCH, scripts and long transactions and \
             may have no more\r\n"
        );
        wire.ask("WATCH a", &refusal);
        // What else takes such a connection counts, too.
        let mut script = Wire::connect(&daemon.socket());
        script.ask("EVAL return 0", &refusal);
        script.ask("LCS a b", &refusal);
        // What could not be watched may have changed.
        wire.ask("MULTI", "+OK\r\n");
        wire.ask("EXEC", "*-1\r\n");
        wire.ask("SET b 1", "+OK\r\n");
        holders[0].ask("UNWATCH", "+OK\r\n");
        wire.ask("WATCH a", "+OK\r\n");
        drop(holders);
        wire.ask("MULTI", "+OK\r\n");
        wire.ask("GET b", "+QUEUED\r\n");
        wire.ask("EXEC", "*1\r\n$1\r\n1\r\n");
    });
}

#[test]
fn a_store_that_restarts_between_watch_and_exec_lets_exec_do_nothing() {
    on_valkey(&[], |daemon, mut valkey| {
        let mut wire = Wire::connect(&daemon.socket());
        wire.ask("WATCH a", "+OK\r\n");
        valkey.restart();
        wire.ask("PINGDB", "+PONG\r\n");
        wire.ask("MULTI", "+OK\r\n");
        wire.ask("SET b 1", "+QUEUED\r\n");
        wire.ask("EXEC", "*-1\r\n");
        wire.ask("EXISTS b", ":0\r\n");
    });
}

#[test]
fn a_transaction_whose_answer_never_comes_is_of_unknown_outcome() {
    on_valkey(&[("STORE_TIMEOUT", "2s")], |daemon, valkey| {
        let mut wire = Wire::connect(&daemon.socket());
        wire.ask("PINGDB", "+PONG\r\n");
        wire.ask("MULTI", "+OK\r\n");
        wire.ask("SET b 1", "+QUEUED\r\n");
        valkey.stop();
        let unknown = "-ERR store connection lost; \"EXEC\" may or may not have been applied.\r\n";
        wire.ask("EXEC", unknown);
        valkey.cont();
        let mut wire = Wire::connect(&daemon.socket());
        let mut left = 100;
        while wire.line("PINGDB") != "+PONG" {
            assert!(left > 0, "the store does not come back");
            left -= 1;
            std::thread::sleep(Duration::from_millis(50));
        }
    });
}

#[test]
fn operations_on_a_key_space_see_what_the_transaction_changed_on_the_embedded_store() {
    for settings in [&[][..], &[("KEY_PREFIX", "p:")], &[("NAMESPACE", "user")]] {
        let daemon = Daemon::start(settings);
        let mut wire = Wire::connect(&daemon.socket());
        let words =
            ["SET a 1", "DBSIZE", "KEYS *", "RANDOMKEY", "LAST 9", "FLUSHDB", "SET b 1", "DBSIZE"];
        let words = [&["MULTI"][..], &words, &["FLUSHALL", "DBSIZE", "EXEC"]].concat();
        wire.send(words.iter().flat_map(|words| request(words)).collect::<Vec<_>>());
        let replies = [
            "+OK\r\n:1\r\n*1\r\n$1\r\na\r\n$1\r\na\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
            "+OK\r\n+OK\r\n:1\r\n+OK\r\n:0\r\n",
        ];
        let queued = "+QUEUED\r\n".repeat(10);
        wire.expect(format!("+OK\r\n{queued}*10\r\n{}", replies.concat()));
    }
}
