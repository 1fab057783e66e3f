//! `systemctl reload`: settings change in place, or not at all.

use serde_json::Value;

use crate::EMBEDDED;
use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};

/// The most verbose priority (the highest number) among the daemon's own entries.
fn verbosity(machine: &Machine) -> Option<u8> {
    let entries = machine.journal("kvsock.service");
    let own = entries.iter().filter(|entry| entry["SYSLOG_IDENTIFIER"] == "kvsockd");
    own.filter_map(|entry| entry["PRIORITY"].as_str()?.parse().ok()).max()
}

#[test]
fn a_reload_changes_the_log_level_of_the_running_daemon() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("ping"), "pong");
    let daemon = machine.property("kvsock.service", "MainPID");
    wait_for("the first entry", || verbosity(&machine).is_some());
    let before = verbosity(&machine);

    machine.set_settings(&format!("{EMBEDDED}KVSOCK_LOG=debug\n"));
    machine.systemctl(&["reload", "kvsock.service"]);

    wait_for("an entry of the new level", || {
        ask(&machine, "ping");
        verbosity(&machine) > before
    });
    assert_eq!(client.ask("ping"), "pong", "a reload closed a connection");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "active");
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
}

#[test]
fn a_reload_with_a_wrong_setting_fails_and_leaves_the_daemon_as_it_is() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("ping"), "pong");
    let daemon = machine.property("kvsock.service", "MainPID");

    machine.set_settings(&format!("{EMBEDDED}KVSOCK_LOG=shouting\n"));
    assert!(!machine.run(&["systemctl", "reload", "kvsock.service"]).status.success());

    assert_eq!(client.ask("ping"), "pong");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "active");
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
    let names_it = |entry: &Value| {
        entry["MESSAGE"].as_str().is_some_and(|message| message.contains("KVSOCK_LOG"))
    };
    assert!(machine.journal("kvsock.service").iter().any(names_it));
}
