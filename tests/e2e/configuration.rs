//! A bad configuration is told to whoever waits, named in the journal, and never locks the socket.

use crate::EMBEDDED;
use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};

const BAD: &str = "KVSOCK_STORE=nonsense\nKVSOCK_TYPO=1\n";
const REPLY: &str = "ERROR: kvsock is misconfigured; see the journal\n";

fn await_end(machine: &Machine) {
    wait_for("the misconfigured daemon to end", || {
        let state = machine.property("kvsock.service", "ActiveState");
        state == "failed" || state == "inactive"
    });
}

#[test]
fn a_bad_configuration_is_told_to_the_clients_and_every_fault_to_the_journal() {
    let Some(machine) = Machine::boot(BAD) else { return };
    let mut clients: Vec<_> = (0..5).map(|_| connect(&machine)).collect();
    for client in &mut clients {
        assert_eq!(client.text_to_end(), REPLY);
    }
    await_end(&machine);

    assert_eq!(machine.property("kvsock.service", "ExecMainStatus"), "78");
    let entries = machine.journal("kvsock.service");
    for fault in ["KVSOCK_STORE", "KVSOCK_TYPO"] {
        let named = entries.iter().any(|entry| entry.to_string().contains(fault));
        assert!(named, "{fault} is not named in {entries:#?}");
    }
}

#[test]
fn a_bad_configuration_never_locks_the_socket() {
    let Some(machine) = Machine::boot(BAD) else { return };
    // More starts in ten seconds than systemd's own limit of five.
    for _ in 0..7 {
        for _ in 0..5 {
            assert_eq!(connect(&machine).text_to_end(), REPLY);
        }
        await_end(&machine);
    }
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");

    machine.set_settings(EMBEDDED);
    assert_eq!(ask(&machine, "ping"), "pong");
}
