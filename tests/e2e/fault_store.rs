//! Faults of the store and of clients under the units as packaged, one after the other, under one
//! load that checks every reply. Each by itself, and more of each, is in `../faults/`.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::ask;
use crate::load::{Allowed, Load};
use crate::machine::{Machine, wait_for};

/// Outages are shorter than the time-out.
const SETTINGS: &str = "KVSOCK_STORE=valkey://127.0.0.1:6379/0\nKVSOCK_STORE_TIMEOUT=30s\n\
                        KVSOCK_MAX_MEMORY=32MiB\n";
const READ_ONLY: &str = "READONLY You can't write against a read only replica.";
const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";
const REFUSALS: &[&str] = &[READ_ONLY, OOM];
/// Times that each fault comes.
const ROUNDS: usize = 2;

fn valkey(machine: &Machine, command: &str) {
    let words = ["valkey-cli"].into_iter().chain(command.split(' '));
    machine.ok(&words.collect::<Vec<_>>());
}

/// Lets Valkey lose nothing that it has acknowledged, and starts it.
fn start_durable(machine: &Machine) {
    let lines = "printf 'appendonly yes\\nappendfsync always\\n' >> /etc/valkey/valkey.conf";
    machine.ok(&["sh", "-c", lines]);
    machine.start_valkey();
}

fn signal_valkey(machine: &Machine, signal: &str) {
    machine.systemctl(&["kill", "--signal", signal, "valkey-server.service"]);
}

/// Whether the daemon has what it needs.
fn is_up(machine: &Machine) -> bool {
    ask(machine, "status").contains("(up)")
}

fn is_killed(machine: &Machine) {
    let before = machine.property("valkey-server.service", "MainPID");
    signal_valkey(machine, "SIGKILL");
    // Its unit starts it again.
    wait_for("another Valkey", || {
        let now = machine.property("valkey-server.service", "MainPID");
        now != before && now != "0"
    });
    wait_for("the store", || is_up(machine));
}

fn is_frozen(machine: &Machine) {
    signal_valkey(machine, "SIGSTOP");
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) {
        assert_eq!(ask(machine, "ping"), "pong");
    }
    signal_valkey(machine, "SIGCONT");
}

/// Does what is wrong, and mends it.
type Fault = fn(&Machine, &Load);

/// The faults of the store, each with its name.
const OF_THE_STORE: &[(&str, Fault)] = &[
    ("killed", |machine, _| is_killed(machine)),
    ("frozen", |machine, _| is_frozen(machine)),
    ("slow", |machine, _| {
        for _ in 0..5 {
            valkey(machine, "client pause 100");
            thread::sleep(Duration::from_millis(150));
        }
    }),
    ("cut", |machine, load| {
        for _ in 0..5 {
            valkey(machine, "client kill type normal");
            load.go_on_by(1);
        }
    }),
    ("out of memory", |machine, load| {
        valkey(machine, "config set maxmemory 1");
        load.go_on();
        assert_eq!(ask(machine, "set k v"), format!("ERROR: {OOM}"));
        valkey(machine, "config set maxmemory 0");
    }),
    ("a replica", |machine, load| {
        valkey(machine, "replicaof 127.0.0.1 1");
        load.go_on();
        assert_eq!(ask(machine, "set k v"), format!("ERROR: {READ_ONLY}"));
        valkey(machine, "replicaof no one");
    }),
    ("behind another password", |machine, _| {
        valkey(machine, "config set requirepass sesame");
        // Who is in stays in.
        valkey(machine, "-a sesame --no-auth-warning client kill type normal");
        wait_for("the refusal", || ask(machine, "status").contains("(down: NOAUTH"));
        valkey(machine, "-a sesame --no-auth-warning config set requirepass ");
        wait_for("the store", || is_up(machine));
    }),
];

/// Clients that do what they should not, while they live.
fn bad_clients(machine: &Machine) -> Vec<UnixStream> {
    let connect = || {
        let stream = UnixStream::connect(machine.path("/run/kvsock/kvsock.sock")).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let large = "x".repeat(1024 * 1024);
    assert_eq!(ask(machine, &format!("set large {large}")), "OK");
    let mut clients = Vec::new();
    for number in 0..200 {
        let mut client = connect();
        let bytes = match number % 5 {
            0 => String::new(),
            1 => "get large\n".repeat(50),
            2 => format!("set half{number} {large}"),
            3 => "*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$100\r\nab".to_owned(),
            _ => "mget large large large\n".repeat(20),
        };
        // As much as it takes.
        let _ = client.write(bytes.as_bytes());
        if number % 10 != 9 {
            clients.push(client);
        }
    }
    clients
}

/// The most resident memory that a process has ever had, in MiB.
fn peak_memory(machine: &Machine, pid: &str) -> usize {
    let status = machine.ok(&["cat", &format!("/proc/{pid}/status")]);
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() / 1024
}

fn survives(machine: &Machine, version: &str) {
    start_durable(machine);
    let socket = machine.path("/run/kvsock/kvsock.sock");
    let load = Load::start(&socket, "k", Allowed { refusals: REFUSALS, endings: false });
    load.go_on();
    let daemon = machine.property("kvsock.service", "MainPID");
    for round in 0..ROUNDS {
        for (name, fault) in OF_THE_STORE {
            fault(machine, &load);
            load.go_on();
            assert!(!load.has_failed(), "{name}, round {round}");
        }
        let clients = bad_clients(machine);
        load.go_on();
        assert!(!load.has_failed(), "bad clients, round {round}");
        drop(clients);
    }
    let figures = load.finish();
    let memory = peak_memory(machine, &daemon);
    // Not by a macro, whose output cargo test keeps to itself when a test passes.
    let _ = writeln!(
        std::io::stderr(),
        "under the units on systemd {version}, {} faults of the store and bad clients, {ROUNDS} \
         times: {figures}; at most {memory} MiB resident",
        OF_THE_STORE.len()
    );
    assert!(figures.refused > 0, "{figures}");
    // What KVSOCK_MAX_MEMORY allows, and as much again for the process and what it writes out.
    assert!(memory < 2 * 32 + 32, "{memory} MiB");
    assert_eq!(machine.property("kvsock.service", "MainPID"), daemon, "it never ended");
}

#[test]
fn a_store_that_fails_in_every_way_and_bad_clients_harm_nobody() {
    let Some(machine) = Machine::boot_beside_valkey(SETTINGS) else { return };
    survives(&machine, "252");
}

#[test]
fn a_store_that_fails_in_every_way_and_bad_clients_harm_nobody_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(SETTINGS) else { return };
    survives(&machine, "257");
}
