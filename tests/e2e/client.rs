//! Clients outside the machine, on the socket inside: root, by its uid.

use crate::machine::{BOUND, Machine};
use crate::wire::client::Client;

/// Connects; a refusal fails the test, for systemd's socket never refuses.
pub(crate) fn connect(machine: &Machine) -> Client {
    connect_to(machine, "/run/kvsock/kvsock.sock")
}

/// As [`connect`], to a socket of an instance.
pub(crate) fn connect_to(machine: &Machine, socket: &str) -> Client {
    let client = Client::connect(&machine.path(socket));
    client.limit(BOUND).unwrap();
    client
}

/// Asks one thing on a connection of its own.
pub(crate) fn ask(machine: &Machine, request: &str) -> String {
    connect(machine).ask(request)
}
