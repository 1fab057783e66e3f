//! CLIENT KILL of clients in whatever they are doing: they are closed at once, and stay so.

use std::time::{Duration, Instant};

use crate::support::daemon::{Daemon, PATIENCE};
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

const MIB: usize = 1024 * 1024;

/// The line of CLIENT LIST, empty when there is no such client.
fn line(wire: &mut Wire, id: i64) -> String {
    wire.text(&format!("CLIENT LIST ID {id}"))
}

#[track_caller]
fn await_end_of(wire: &mut Wire, id: i64) {
    let end = Instant::now() + PATIENCE;
    while !line(wire, id).is_empty() {
        assert!(Instant::now() < end, "it is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the client `id` has been answered so much that it waits for its peer.
fn await_command(wire: &mut Wire, id: i64, command: &str) {
    let end = Instant::now() + PATIENCE;
    while !line(wire, id).contains(&format!(" cmd={command} ")) {
        assert!(Instant::now() < end, "it does not come so far");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_does_not_read_its_replies_is_killed_by_every_form() {
    let daemon = Daemon::start(&[("MAX_REPLY", "2MiB")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask(&format!("SET big {}", "v".repeat(MIB)), "+OK\r\n");
    for form in [
        "ID {id}",
        "{addr}",
        "ADDR {addr}",
        "LADDR {addr}",
        "USER default",
        "TYPE normal",
        "SKIPME yes",
        "ID {id} SKIPME no",
    ] {
        let mut lazy = Wire::connect(&daemon.socket());
        let id = lazy.number("CLIENT ID");
        lazy.send(request("GET big").repeat(200));
        await_command(&mut wire, id, "get");
        let addr = format!("{}:{id}", daemon.socket().display());
        let form = form.replace("{id}", &id.to_string()).replace("{addr}", &addr);
        let is_old = form == addr;
        wire.ask(&format!("CLIENT KILL {form}"), if is_old { "+OK\r\n" } else { ":1\r\n" });
        await_end_of(&mut wire, id);
        lazy.expect_cut_off();
    }
}

#[test]
fn a_client_that_has_quit_and_does_not_read_its_replies_is_killed() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask(&format!("SET big {}", "v".repeat(MIB)), "+OK\r\n");
    let mut lazy = Wire::connect(&daemon.socket());
    let id = lazy.number("CLIENT ID");
    lazy.send([request("GET big").repeat(20), request("QUIT")].concat());
    await_command(&mut wire, id, "quit");
    wire.ask(&format!("CLIENT KILL ID {id}"), ":1\r\n");
    await_end_of(&mut wire, id);
    lazy.expect_cut_off();
}

#[test]
fn a_client_that_waits_for_the_store_is_killed() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "60")]);
    let mut wire = Wire::connect(&daemon.socket());
    for last in [&["GET a"][..], &["MULTI", "SET a 1", "EXEC"], &["WATCH a"], &["CLEARDB"]] {
        valkey.stop();
        let mut waits = Wire::connect(&daemon.socket());
        let id = waits.number("CLIENT ID");
        waits.send(last.iter().flat_map(|words| request(words)).collect::<Vec<_>>());
        let command = last[last.len() - 1].split(' ').next().unwrap_or_default().to_lowercase();
        await_command(&mut wire, id, &command);
        wire.ask(&format!("CLIENT KILL ID {id}"), ":1\r\n");
        await_end_of(&mut wire, id);
        waits.expect_cut_off();
        valkey.cont();
        wire.ask("SET b 1", "+OK\r\n");
    }
}

#[test]
fn a_client_that_waits_for_memory_is_killed() {
    let daemon = Daemon::start(&[("MAX_REQUEST", "4MiB"), ("MAX_MEMORY", "8MiB")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask(&format!("SET big {}", "v".repeat(2 * MIB)), "+OK\r\n");
    let ids: Vec<_> = (0..6)
        .map(|_| {
            let mut lazy = Wire::connect(&daemon.socket());
            let id = lazy.number("CLIENT ID");
            lazy.send(request("GET big").repeat(20));
            await_command(&mut wire, id, "get");
            (id, lazy)
        })
        .collect();
    // The last of them find no memory.
    for (id, mut lazy) in ids.into_iter().rev() {
        wire.line(&format!("CLIENT KILL ID {id}"));
        await_end_of(&mut wire, id);
        lazy.expect_cut_off();
    }
}

#[test]
fn a_client_that_is_idle_or_within_a_request_is_killed() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    for begun in ["", "*2\r\n$3\r\nGET\r\n$1", "hello"] {
        let mut idle = Wire::connect(&daemon.socket());
        if begun != "hello" {
            idle.ask("PING", "+PONG\r\n");
        }
        idle.send(begun);
        let end = Instant::now() + PATIENCE;
        while wire.text("CLIENT LIST").lines().count() != 2 {
            assert!(Instant::now() < end, "it is not there");
            std::thread::sleep(Duration::from_millis(5));
        }
        wire.ask("CLIENT KILL SKIPME yes", ":1\r\n");
        idle.expect_cut_off();
    }
}
