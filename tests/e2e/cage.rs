//! How well the service is confined, and that it works in there with each kind of store.

use std::fs;

use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};
use crate::unit::verify;
use crate::{EMBEDDED, VALKEY};

const LOCAL: &str = "local-store.conf";
const REMOTE: &str = "remote-store.conf";
/// What is in the root directory then; systemd hides an empty /root.
const ROOT: &str = "dev\netc\nlib\nlib64\nproc\nroot\nrun\nsys\ntmp\nusr\nvar";
/// A Valkey that is not at a loopback address.
const REMOTE_VALKEY: &str = "KVSOCK_STORE=valkey://192.0.2.1:6379/0\nKVSOCK_STORE_TIMEOUT=2s\n";
/// A Valkey that is on no network.
const UNIX_VALKEY: &str = "KVSOCK_STORE=valkey+unix:///run/valkey-e2e/valkey.sock?db=0\n";

/// What `systemd-analyze security` says of a unit, from 0 (confined) to 10.
fn exposure(machine: &Machine, unit: &str) -> f64 {
    let report = machine.ok(&["systemd-analyze", "security", "--no-pager", unit]);
    let line = report.lines().last().unwrap();
    let (_, after) = line.split_once(&format!("level for {unit}: ")).expect(line);
    after.split(' ').next().unwrap().parse().unwrap()
}

fn is_well_confined(machine: &Machine) {
    for unit in ["kvsock.service", "kvsock@one.service"] {
        let with_network = exposure(machine, unit);
        eprintln!("exposure of {unit}: {with_network}");
        assert!(with_network <= 1.1, "{unit} has {with_network}");
        machine.install_drop_in(unit, LOCAL);
        let without = exposure(machine, unit);
        eprintln!("exposure of {unit} without a network: {without}");
        assert!(without <= 0.3, "{unit} without a network has {without}");
    }
    verify(machine);
}

/// Starts a Valkey of its own inside, with these arguments.
fn run_valkey(machine: &Machine, arguments: &[&str]) {
    let server = ["valkey-server", "redis-server"]
        .into_iter()
        .find(|server| machine.path("/usr/bin").join(server).exists())
        .expect("boot_beside_valkey made sure of it");
    let run = ["systemd-run", "--quiet", "--unit=valkey-e2e", "-p", "RuntimeDirectory=valkey-e2e"];
    machine.ok(&[&run, &[server, "--save", "", "--protected-mode", "no"][..], arguments].concat());
}

#[test]
fn systemd_252_finds_the_service_well_confined() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    is_well_confined(&machine);
}

#[test]
fn systemd_257_finds_the_service_well_confined() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    is_well_confined(&machine);
    let reply = machine.run_as("alice", "echo ping | timeout 20 nc -N -U /run/kvsock/kvsock.sock");
    assert_eq!(reply.stdout, b"pong\n");
}

#[test]
fn the_embedded_store_needs_no_network_and_no_root_directory() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    machine.install_drop_in("kvsock.service", LOCAL);

    assert_eq!(machine.ask_as("alice", r"set motd hello\ncleardb\n"), {
        "OK\nERROR: \"cleardb\" command is for administrators.\n"
    });
    let daemon = machine.property("kvsock.service", "MainPID");
    let root = format!("/proc/{daemon}/root");
    assert_eq!(machine.ok(&["ls", &root]), ROOT);
    let links = machine.ok(&["nsenter", "--target", &daemon, "--net", "ip", "-o", "link"]);
    assert_eq!(links.lines().count(), 1, "only the loopback interface: {links}");

    machine.set_settings(&format!("{EMBEDDED}KVSOCK_LOG=debug\nKVSOCK_ADMIN_GROUP=kvsock-admin\n"));
    machine.systemctl(&["reload", "kvsock.service"]);
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon);
    assert_eq!(machine.ask_as("olga", r"save\n"), "OK\n");
    machine.systemctl(&["restart", "kvsock.service"]);
    assert_eq!(ask(&machine, "get motd"), "hello");
    wait_for("the entry of the start", || {
        machine.journal("kvsock.service").iter().any(|entry| entry["KVSOCK_VERSION"].is_string())
    });
}

#[test]
fn a_valkey_on_a_unix_socket_needs_no_network() {
    let Some(machine) = Machine::boot_beside_valkey(UNIX_VALKEY) else { return };
    machine.install_drop_in("kvsock.service", LOCAL);
    let socket = ["--port", "0", "--unixsocket", "/run/valkey-e2e/valkey.sock"];
    let socket = [&socket[..], &["--unixsocketperm", "777"]].concat();
    let mut client = connect(&machine);
    // Started after the daemon, and again: its directory is another one then.
    assert_eq!(client.ask("ping"), "pong");
    for _ in 0..2 {
        run_valkey(&machine, &socket);
        wait_for("the store", || client.ask("set x hello") == "OK");
        assert_eq!(client.ask("get x"), "hello");
        machine.systemctl(&["stop", "valkey-e2e.service"]);
    }
}

#[test]
fn a_store_that_the_unit_blocks_is_named_as_such() {
    let Some(machine) = Machine::boot_beside_valkey(REMOTE_VALKEY) else { return };
    machine.ok(&["ip", "address", "add", "192.0.2.1/24", "dev", "lo"]);
    run_valkey(&machine, &["--bind", "192.0.2.1"]);

    let mut client = connect(&machine);
    let reply = client.ask("set x hello");
    let cause = "ERROR: store unavailable: valkey://192.0.2.1:6379/0: blocked by the unit's \
        IPAddressDeny=; see /usr/share/kvsock/remote-store.conf";
    assert_eq!(reply, cause);

    machine.install_drop_in("kvsock.service", REMOTE);
    machine.systemctl(&["restart", "kvsock.service"]);
    let mut client = connect(&machine);
    wait_for("the store", || client.ask("set x hello") == "OK");

    machine.ok(&["rm", "/etc/systemd/system/kvsock.service.d/remote-store.conf"]);
    machine.install_drop_in("kvsock.service", LOCAL);
    machine.set_settings(VALKEY);
    machine.systemctl(&["restart", "kvsock.service"]);
    let reply = ask(&machine, "get x");
    let cause = "ERROR: store unavailable: valkey://127.0.0.1:6379/0: address family not \
        supported, or blocked by the unit's RestrictAddressFamilies=; see /usr/share/kvsock/local-store.conf";
    assert_eq!(reply, cause);
}

/// The settings with a store at this host.
fn at(host: &str) -> String {
    format!("KVSOCK_STORE=valkey://{host}:6379/0\nKVSOCK_STORE_TIMEOUT=2s\n")
}

#[test]
fn a_store_by_name_or_at_an_ipv6_address_that_the_unit_blocks_is_named_as_such() {
    let Some(machine) = Machine::boot_beside_valkey(&at("[2001:db8::1]")) else { return };
    machine.ok(&["ip", "-6", "address", "add", "2001:db8::1/64", "dev", "lo", "nodad"]);
    machine.ok(&["ip", "address", "add", "192.0.2.1/24", "dev", "lo"]);
    run_valkey(&machine, &["--bind", "192.0.2.1", "2001:db8::1"]);
    fs::write(machine.path("/etc/resolv.conf"), "nameserver 192.0.2.53\n").unwrap();

    let by_address =
        "blocked by the unit's IPAddressDeny=; see /usr/share/kvsock/remote-store.conf";
    let of_name_server = format!("its name server is {by_address}");
    for (host, cause) in [("[2001:db8::1]", by_address), ("store.example.org", &of_name_server)] {
        machine.set_settings(&at(host));
        machine.systemctl(&["restart", "kvsock.service"]);
        let told = format!("ERROR: store unavailable: valkey://{host}:6379/0: {cause}");
        assert_eq!(ask(&machine, "get x"), told);
    }

    machine.install_drop_in("kvsock.service", REMOTE);
    machine.set_settings(&at("[2001:db8::1]"));
    machine.systemctl(&["restart", "kvsock.service"]);
    wait_for("the store", || ask(&machine, "set x hello") == "OK");
    machine.set_settings(&at("store.example.org"));
    machine.systemctl(&["restart", "kvsock.service"]);
    let reply = ask(&machine, "get x");
    assert!(reply.starts_with("ERROR: store unavailable: "), "{reply}");
    assert!(!reply.contains("IPAddressDeny"), "{reply}");
    fs::write(machine.path("/etc/hosts"), "192.0.2.1 store.example.org\n").unwrap();
    wait_for("the store", || ask(&machine, "set x hello") == "OK");

    machine.ok(&["rm", "/etc/systemd/system/kvsock.service.d/remote-store.conf"]);
    machine.systemctl(&["daemon-reload"]);
    machine.systemctl(&["restart", "kvsock.service"]);
    let told = format!("ERROR: store unavailable: valkey://store.example.org:6379/0: {by_address}");
    assert_eq!(ask(&machine, "get x"), told);
}

#[test]
fn directories_elsewhere_are_used_when_the_unit_lets_them_in() {
    let settings = "KVSOCK_STORE=embedded:/srv/kvsock/db\nKVSOCK_LOG_DIR=/var/lib/kvsock-log\n";
    let Some(machine) = Machine::boot(settings) else { return };
    for directory in ["/srv/kvsock", "/var/lib/kvsock-log"] {
        machine.ok(&["install", "-d", "-o", "kvsockd", "-m", "0700", directory]);
    }
    let all = "BindPaths=/srv/kvsock /var/lib/kvsock-log\n";
    let some = "BindPaths=/var/lib/kvsock-log\nReadWritePaths=/srv/kvsock\n";
    for (drop_in, paths) in [(None, all), (None, some), (Some(LOCAL), all)] {
        machine.ok(&["find", "/srv/kvsock", "/var/lib/kvsock-log", "-mindepth", "1", "-delete"]);
        machine.edit_unit("kvsock.service", &format!("[Service]\n{paths}"));
        if let Some(drop_in) = drop_in {
            machine.install_drop_in("kvsock.service", drop_in);
        }
        machine.systemctl(&["restart", "kvsock.service"]);
        assert_eq!(ask(&machine, "set motd hello"), "OK");
        assert!(machine.path("/srv/kvsock/db").exists());
        assert_ne!(machine.ok(&["ls", "/var/lib/kvsock-log"]), "");
    }
}
