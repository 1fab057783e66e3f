//! Valkey comes and goes; the daemon stays.

use std::time::{Duration, Instant};

use crate::VALKEY;
use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};

/// Two of its servers lead to all.
const CLUSTER: &str = "KVSOCK_STORE=valkey-cluster://127.0.0.1:7001,127.0.0.1:7003\n\
                       KVSOCK_STORE_TIMEOUT=20s\nKVSOCK_KEY_PREFIX=kvsock:\n";

#[test]
fn the_daemon_starts_without_valkey_and_serves_once_it_is_there() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    let mut client = connect(&machine);
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
    let mut client = connect(&machine);
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

/// Masters of the cluster, each on its own port.
const PORTS: [u16; 3] = [7001, 7002, 7003];

/// Starts a cluster on the machine, and waits until it serves.
fn start_cluster(machine: &Machine) {
    let server = valkey_server(machine);
    for port in PORTS {
        let run =
            format!("systemd-run --quiet --unit=node{port} --property=StateDirectory=node{port}");
        let own = format!("--port {port} --dir /var/lib/node{port} --cluster-enabled yes");
        machine.ok(&["sh", "-c", &format!("{run} {server} {own} --save ''")]);
    }
    let cli = server.replace("-server", "-cli");
    let nodes = PORTS.map(|port| format!("127.0.0.1:{port}")).join(" ");
    wait_for("the cluster's servers", || {
        let create = format!("{cli} --cluster create {nodes} --cluster-yes");
        machine.run(&["sh", "-c", &create]).status.success()
    });
    wait_for("the cluster", || {
        let info = machine.run(&[&cli, "-p", "7001", "cluster", "info"]).stdout;
        String::from_utf8_lossy(&info).contains("cluster_state:ok")
    });
}

fn valkey_server(machine: &Machine) -> String {
    machine.ok(&["sh", "-c", "command -v valkey-server || command -v redis-server"])
}

fn cluster_serves(machine: &Machine) {
    start_cluster(machine);
    let mut client = connect(machine);
    wait_for("the store", || client.ask("status").contains("(up)"));
    for number in 0..30 {
        assert_eq!(client.ask(&format!("set k{number} {number}")), "OK");
    }
    assert_eq!(client.ask("dbsize"), "30");
    assert_eq!(client.ask("mget k3 k14 k29 none"), "3 14 29 (nil)");
    machine.systemctl(&["restart", "kvsock.service"]);
    assert_eq!(client.ask("get k7"), "7", "the connection crosses a restart");
    machine.systemctl(&["kill", "--signal", "SIGKILL", "node7002.service"]);
    wait_for("the loss to be told", || client.ask("status").contains("(down: "));
    assert_eq!(client.ask("ping"), "pong");
}

#[test]
fn a_cluster_on_this_host_serves_under_the_units_as_they_are() {
    let Some(machine) = Machine::boot_beside_valkey(CLUSTER) else { return };
    cluster_serves(&machine);
}

#[test]
fn a_cluster_on_this_host_serves_under_the_units_as_they_are_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(CLUSTER) else { return };
    cluster_serves(&machine);
}
