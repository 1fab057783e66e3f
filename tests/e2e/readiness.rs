//! What the unit shows of the daemon: ready, its status, and that its serving loop turns.

use std::collections::BTreeSet;

use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};
use crate::{EMBEDDED, VALKEY};

#[test]
fn the_status_tells_how_many_clients_there_are() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut clients: Vec<_> = (0..3).map(|_| connect(&machine)).collect();
    for client in &mut clients {
        assert_eq!(client.ask("ping"), "pong");
    }
    let status = || machine.property("kvsock.service", "StatusText");
    wait_for("the status to tell of 3 clients", || status().contains("3 clients"));
    drop(clients);
    wait_for("the status to tell of 0 clients", || status().contains("0 clients"));
}

#[test]
fn a_frozen_daemon_is_killed_by_the_watchdog_and_started_again() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    machine.edit_unit("kvsock.service", "[Service]\nWatchdogSec=3s\n");
    assert_eq!(ask(&machine, "ping"), "pong");
    let frozen = machine.property("kvsock.service", "MainPID");

    machine.ok(&["kill", "-STOP", &frozen]);

    wait_for("the watchdog to act", || {
        machine.property("kvsock.service", "NRestarts") == "1"
            && machine.property("kvsock.service", "ActiveState") == "active"
    });
    assert_ne!(machine.property("kvsock.service", "MainPID"), frozen);
    assert_eq!(ask(&machine, "ping"), "pong");
}

#[test]
fn the_watchdog_does_not_depend_on_the_store() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    machine.edit_unit("kvsock.service", "[Service]\nWatchdogSec=3s\n");
    assert_eq!(ask(&machine, "ping"), "pong");
    let daemon = machine.property("kvsock.service", "MainPID");

    let mut kept_alive = BTreeSet::new();
    wait_for("keep-alives over more than the watchdog's time", || {
        kept_alive.insert(machine.property("kvsock.service", "WatchdogTimestampMonotonic"));
        kept_alive.len() > 6
    });

    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
}
