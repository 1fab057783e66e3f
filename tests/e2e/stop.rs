//! Stopping, restarting and `shutdown`: what was received is answered, and the socket stays.
//! What outlives a restart is in `restart.rs`.

use std::io::Write;
use std::thread;

use crate::EMBEDDED;
use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};
use crate::wire::client::Client;

/// How many clients send as fast as they can while the daemon is stopped.
const LOAD: usize = 6;

/// Sends `incr KEY` without waiting for replies, until the daemon takes no more. Gives how many
/// were written, that is received, and every reply.
fn pipeline(client: &mut Client, key: &str) -> (usize, Vec<String>) {
    let mut writer = client.0.get_ref().try_clone().unwrap();
    thread::scope(|scope| {
        let written = scope.spawn(move || {
            let request = format!("incr {key}\n");
            let mut written = 0;
            // One write, so that the line is queued whole or not at all.
            while writer.write_all(request.as_bytes()).is_ok() {
                written += 1;
            }
            written
        });
        let replies = std::iter::from_fn(|| client.try_line().ok()).collect();
        (written.join().unwrap(), replies)
    })
}

/// Stops the daemon by `stop` while clients send as fast as they can. For each, how many requests
/// were written, every reply, and how often the next daemon finds that it counted.
fn stopped_under_load(machine: &Machine, stop: impl FnOnce()) -> Vec<(usize, Vec<String>, usize)> {
    let load: Vec<_> = (0..LOAD)
        .map(|number| {
            let mut client = connect(machine);
            assert_eq!(client.ask(&format!("incr key{number}")), "1");
            thread::spawn(move || pipeline(&mut client, &format!("key{number}")))
        })
        .collect();
    // Every client is connected and was answered once; now the load is on.
    wait_for("the load", || ask(machine, "get key0").parse().is_ok_and(|n: usize| n > 500));
    stop();
    let results: Vec<_> = load.into_iter().map(|thread| thread.join().unwrap()).collect();
    wait_for("the daemon to end", || {
        machine.property("kvsock.service", "ActiveState") == "inactive"
    });
    assert_eq!(machine.property("kvsock.service", "Result"), "success");
    let found = results.into_iter().enumerate().map(|(number, (written, replies))| {
        let applied = ask(machine, &format!("get key{number}")).parse().unwrap();
        (written, replies, applied)
    });
    found.collect()
}

fn counts(replies: &[String]) {
    let expected: Vec<_> = (2..replies.len() + 2).map(|count| count.to_string()).collect();
    assert_eq!(replies, expected);
}

#[test]
fn a_stop_under_load_carries_out_nothing_that_it_does_not_answer() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let stop = || drop(machine.systemctl(&["stop", "kvsock.service"]));
    for (written, replies, applied) in stopped_under_load(&machine, stop) {
        counts(&replies);
        assert!(replies.len() <= written);
        assert_eq!(applied, replies.len() + 1);
    }
}

#[test]
fn shutdown_under_load_answers_every_request_that_was_received() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let shutdown = || assert_eq!(ask(&machine, "shutdown"), "Shutting down server...");
    for (written, replies, applied) in stopped_under_load(&machine, shutdown) {
        counts(&replies);
        assert_eq!(replies.len(), written, "every request that was received");
        assert_eq!(applied, written + 1);
    }
}

#[test]
fn shutdown_stops_the_daemon_and_the_next_client_starts_it_again() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("set motd hello"), "OK");
    let first = machine.property("kvsock.service", "MainPID");

    assert_eq!(client.ask("shutdown"), "Shutting down server...");
    assert_eq!(client.text_to_end(), "");
    wait_for("the daemon to stop", || {
        machine.property("kvsock.service", "ActiveState") == "inactive"
    });
    assert_eq!(machine.property("kvsock.service", "ExecMainStatus"), "0");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");

    assert_eq!(ask(&machine, "get motd"), "hello");
    assert_ne!(machine.property("kvsock.service", "MainPID"), first);
}

#[test]
fn shutdown_is_for_administrators() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let reply = machine.ask_as("alice", r"shutdown\nping\n");
    assert_eq!(reply, "ERROR: \"shutdown\" command is for administrators.\npong\n");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "active");
}

#[test]
fn a_restart_refuses_nobody() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let machine = &machine;
    assert_eq!(ask(machine, "set motd hello"), "OK");
    let socket = machine.identity("/run/kvsock/kvsock.sock");
    let mut served = 0;
    thread::scope(|scope| {
        let restarts = scope.spawn(|| {
            for _ in 0..3 {
                machine.systemctl(&["restart", "kvsock.service"]);
            }
        });
        while !restarts.is_finished() {
            // Connecting panics when refused, and asking when the connection ends.
            assert_eq!(ask(machine, "get motd"), "hello");
            served += 1;
        }
    });
    assert!(served > 0);
    assert_eq!(ask(machine, "get motd"), "hello");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");
    assert_eq!(machine.identity("/run/kvsock/kvsock.sock"), socket);
}
