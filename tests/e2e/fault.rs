//! Faults that take a systemd, under a load that checks every reply: the rest of the matrix is in
//! `../faults/`.

use std::io::Write;

use crate::client::{ask, connect};
use crate::load::{Allowed, Load};
use crate::machine::{Machine, wait_for};
use crate::{EMBEDDED, PATIENT};

/// How often a fault comes, of which a short run has `short`.
fn rounds(short: usize) -> usize {
    short * std::env::var("KVSOCK_TEST_FAULTS").map_or(1, |text| text.parse().unwrap())
}

fn load(machine: &Machine, endings: bool) -> Load {
    let socket = machine.path("/run/kvsock/kvsock.sock");
    Load::start(&socket, "k", Allowed { endings, ..Allowed::default() })
}

/// Sends it to a unit's processes; not by kill(1), which a small system has not.
fn signal(machine: &Machine, unit: &str, signal: &str) {
    machine.systemctl(&["kill", "--signal", signal, unit]);
}

fn show(text: &str) {
    // Not by a macro, whose output cargo test keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn is_frozen_until_the_watchdog_acts(machine: &Machine, store: &str) {
    machine.edit_unit("kvsock.service", "[Service]\nWatchdogSec=3s\n");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "inactive");
    let load = load(machine, true);
    let freezes = rounds(2);
    for round in 1..=freezes {
        load.go_on();
        let frozen = machine.property("kvsock.service", "MainPID");
        signal(machine, "kvsock.service", "SIGSTOP");
        wait_for("the watchdog to act", || {
            machine.property("kvsock.service", "NRestarts") == round.to_string()
                && machine.property("kvsock.service", "ActiveState") == "active"
        });
        assert_ne!(machine.property("kvsock.service", "MainPID"), frozen);
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("kvsockd on {store} frozen until the watchdog acted {freezes} times: {figures}"));
    assert!(figures.unanswered > 0, "{figures}");
    assert_eq!((figures.unknown, figures.unavailable), (0, 0), "{figures}");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");
}

#[test]
fn a_daemon_frozen_under_load_loses_nothing_of_the_embedded_store() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    is_frozen_until_the_watchdog_acts(&machine, "the embedded store");
}

#[test]
fn a_daemon_frozen_under_load_loses_nothing_of_valkey() {
    let Some(machine) = Machine::boot_beside_valkey(PATIENT) else { return };
    machine.start_valkey();
    is_frozen_until_the_watchdog_acts(&machine, "Valkey");
}

#[test]
fn a_daemon_frozen_under_load_loses_nothing_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    is_frozen_until_the_watchdog_acts(&machine, "the embedded store");
}

/// Entries that tell of an administrator who saved.
fn told(machine: &Machine) -> usize {
    machine.journal("kvsock.service").iter().filter(|entry| entry["COMMAND"] == "save").count()
}

fn outlives_its_journal(machine: &Machine) {
    machine.edit_unit("systemd-journald.service", "[Unit]\nStartLimitIntervalSec=0\n");
    let load = load(machine, false);
    load.go_on();
    let daemon = machine.property("kvsock.service", "MainPID");
    let restarts = rounds(3);
    let mut visits = 0;
    for round in 0..restarts {
        std::thread::scope(|scope| {
            let restart =
                scope.spawn(|| machine.systemctl(&["restart", "systemd-journald.service"]));
            while !restart.is_finished() {
                let mut client = connect(machine);
                visits += 1;
                assert_eq!(client.ask("incr visits"), visits.to_string());
            }
            restart.join().unwrap();
        });
        load.go_on();
        // Frozen, it reads nothing: what it cannot take waits for nobody.
        signal(machine, "systemd-journald.service", "SIGSTOP");
        for _ in 0..100 {
            visits += 1;
            assert_eq!(ask(machine, "incr visits"), visits.to_string());
        }
        load.go_on();
        signal(machine, "systemd-journald.service", "SIGCONT");
        // What an administrator does is told as before.
        let before = told(machine);
        assert_eq!(ask(machine, "save"), "OK");
        wait_for("the entry", || told(machine) > before);
        assert!(!load.has_failed(), "in round {round}");
    }
    let figures = load.finish();
    show(&format!("journald restarted and frozen {restarts} times: {figures}"));
    assert_eq!(figures.done, figures.all(), "{figures}");
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
    assert_eq!(machine.property("kvsock.service", "NRestarts"), "0");
}

#[test]
fn a_journal_that_is_restarted_under_load_stops_nobody_and_hears_again() {
    // Much is logged: each connection, for one.
    let Some(machine) = Machine::boot(&format!("{EMBEDDED}KVSOCK_LOG=debug\n")) else { return };
    outlives_its_journal(&machine);
}

#[test]
fn a_journal_that_is_restarted_under_load_stops_nobody_on_systemd_257() {
    let settings = format!("{EMBEDDED}KVSOCK_LOG=debug\n");
    let Some(machine) = Machine::boot_trixie(&settings) else { return };
    outlives_its_journal(&machine);
}
