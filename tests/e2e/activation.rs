//! systemd holds the socket and starts the daemon for whoever comes first.

use crate::EMBEDDED;
use crate::client::{ask, connect};
use crate::machine::Machine;

#[test]
fn the_first_client_starts_the_daemon() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "inactive");

    assert_eq!(ask(&machine, "ping"), "pong");

    assert_eq!(machine.property("kvsock.service", "ActiveState"), "active");
}

#[test]
fn a_shell_script_needs_nothing_but_netcat() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let reply = machine.ask_as("alice", r"set motd hello   world\nget motd\n");
    assert_eq!(reply, "OK\nhello   world\n");
}

#[test]
fn fifty_clients_that_come_at_once_are_all_answered() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut clients: Vec<_> = (0..50).map(|_| connect(&machine)).collect();
    for client in &mut clients {
        client.send("ping\n");
    }
    for client in &mut clients {
        assert_eq!(client.line(), "pong");
    }
    assert_eq!(machine.property("kvsock.service", "NRestarts"), "0");
}

#[test]
fn starting_the_service_by_hand_serves_on_the_same_socket() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    machine.systemctl(&["stop", "kvsock.socket"]);
    machine.systemctl(&["start", "kvsock.service"]);
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");
    assert_eq!(ask(&machine, "ping"), "pong");
}
