//! The units themselves, on this machine's systemd and on that of Debian 13.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::EMBEDDED;
use crate::client::{ask, connect};
use crate::machine::Machine;

/// Owner and permissions of a file of the machine.
fn access(machine: &Machine, path: &str) -> (u32, u32, u32) {
    let metadata = fs::metadata(machine.path(path)).unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

/// Fails when systemd finds a fault in the units, drop-ins included.
pub(crate) fn verify(machine: &Machine) {
    // Without the manual pages that Documentation= names: only a package installs those.
    let units = ["kvsock.socket", "kvsock.service", "kvsock@.socket", "kvsock@.service"]
        .map(|u| format!("/lib/systemd/system/{u}"));
    let units = units.each_ref().map(String::as_str);
    let output = machine.run(&[&["systemd-analyze", "verify", "--man=no"], &units[..]].concat());
    let complaints = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = complaints.lines().filter(|line| line.contains("kvsock")).collect();
    assert!(output.status.success() && ours.is_empty(), "{complaints}");
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    verify(&machine);
}

#[test]
fn the_socket_and_its_directory_survive_a_stop() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let directory = access(&machine, "/run/kvsock");
    assert_eq!(directory, (0, 0, 0o755));
    let socket = machine.identity("/run/kvsock/kvsock.sock");

    assert_eq!(ask(&machine, "ping"), "pong");
    let daemon = machine.uid("kvsockd");
    let (owner, _, mode) = access(&machine, "/run/kvsock/reload");
    assert_eq!((owner, mode), (daemon, 0o700));
    assert_eq!(access(&machine, "/run/kvsock"), directory);

    machine.systemctl(&["stop", "kvsock.service"]);
    assert!(!machine.path("/run/kvsock/reload").exists());
    assert_eq!(access(&machine, "/run/kvsock"), directory);
    assert_eq!(machine.identity("/run/kvsock/kvsock.sock"), socket);
    assert_eq!(ask(&machine, "ping"), "pong");
}

#[test]
fn the_socket_can_be_restarted_while_the_daemon_runs() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert_eq!(ask(&machine, "set motd hello"), "OK");
    machine.systemctl(&["restart", "kvsock.socket"]);
    assert_eq!(ask(&machine, "get motd"), "hello");
}

#[test]
fn stopping_the_socket_stops_the_daemon_and_removes_the_address() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert_eq!(ask(&machine, "ping"), "pong");
    machine.systemctl(&["stop", "kvsock.socket"]);
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "inactive");
    assert!(!machine.path("/run/kvsock/kvsock.sock").exists());
}

#[test]
fn debian_13_verifies_activates_restarts_and_stops() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    assert!(machine.ok(&["systemctl", "--version"]).starts_with("systemd 257"));
    verify(&machine);

    assert_eq!(machine.property("kvsock.service", "ActiveState"), "inactive");
    let mut client = connect(&machine);
    assert_eq!(client.ask("set motd hello"), "OK");
    assert_eq!(client.ask("get motd"), "hello");
    machine.set_settings(&format!("{EMBEDDED}KVSOCK_LOG=debug\n"));
    machine.systemctl(&["reload", "kvsock.service"]);
    assert_eq!(client.ask("get motd"), "hello");

    machine.systemctl(&["restart", "kvsock.service"]);
    assert_eq!(ask(&machine, "get motd"), "hello");
    machine.systemctl(&["stop", "kvsock.service"]);
    assert_eq!(machine.property("kvsock.service", "Result"), "success");
    assert_eq!(machine.ask_as("alice", r"get motd\n"), "hello\n");
}
