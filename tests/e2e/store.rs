//! Valkey comes and goes; the daemon stays.

use std::time::{Duration, Instant};

use crate::VALKEY;
use crate::client::{Client, ask};
use crate::machine::{Machine, wait_for};

#[test]
fn the_daemon_starts_without_valkey_and_serves_once_it_is_there() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    let mut client = Client::connect(&machine);
    assert_eq!(client.ask("ping"), "pong");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "active");
    let daemon = machine.property("kvsock.service", "MainPID");

    let start = Instant::now();
    let reply = client.ask("get x");
    // The store is named, for who knows nothing of the settings.
    let cause = "valkey://127.0.0.1:6379/0: connection refused";
    assert_eq!(reply, format!("ERROR: store unavailable: {cause}"));
    // KVSOCK_STORE_TIMEOUT is one second.
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());

    machine.start_valkey();
    wait_for("the store", || client.ask("set x hello") == "OK");
    assert_eq!(client.ask("get x"), "hello");
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
}

#[test]
fn the_daemon_outlives_a_stop_of_valkey() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    machine.start_valkey();
    let mut client = Client::connect(&machine);
    wait_for("the store", || client.ask("set x hello") == "OK");
    let daemon = machine.property("kvsock.service", "MainPID");

    machine.stop_valkey();
    let reply = client.ask("get x");
    assert!(reply.starts_with("ERROR: store "), "{reply}");
    assert_eq!(client.ask("ping"), "pong");

    machine.start_valkey();
    wait_for("the store", || client.ask("set x again") == "OK");
    assert_eq!(ask(&machine, "get x"), "again");
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
}
