//! A daemon that nobody uses ends, and whoever comes finds it there all the same.

use std::thread;
use std::time::{Duration, Instant};

use kvsock::logging::event::READY;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::client::{ask, connect};
use crate::crowd::{Times, size};
use crate::machine::{Machine, wait_for};
use crate::wire::client::Client;
use crate::{EMBEDDED, VALKEY};

/// How long the daemon of a short test waits for a client, in milliseconds.
const IDLE: u64 = 30;

fn with_idle_exit(settings: &str, limit: &str) -> String {
    format!("{settings}KVSOCK_IDLE_EXIT={limit}\n")
}

fn state(machine: &Machine) -> String {
    machine.property("kvsock.service", "ActiveState")
}

#[test]
fn an_idle_daemon_ends_and_the_next_client_starts_it() {
    let settings = with_idle_exit(EMBEDDED, "300ms");
    let Some(machine) = Machine::boot(&settings) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("set k v"), "OK");
    let served = Instant::now();
    while served.elapsed() < Duration::from_millis(900) {
        assert_eq!(state(&machine), "active", "somebody is connected");
    }
    drop(client);
    wait_for("the daemon to end", || state(&machine) == "inactive");
    assert_eq!(machine.property("kvsock.service", "Result"), "success");
    assert_eq!(machine.property("kvsock.service", "ExecMainStatus"), "0");
    assert_eq!(ask(&machine, "get k"), "v");
}

#[test]
fn a_daemon_stays_while_its_store_is_down() {
    let settings = with_idle_exit(VALKEY, "100ms");
    let Some(machine) = Machine::boot_beside_valkey(&settings) else { return };
    machine.start_valkey();
    assert_eq!(ask(&machine, "set k v"), "OK");
    wait_for("the daemon to end", || state(&machine) == "inactive");
    machine.stop_valkey();
    assert!(ask(&machine, "get k").starts_with("ERROR: store unavailable"));
    let pid = machine.property("kvsock.service", "MainPID");
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(1) {
        assert_eq!(machine.property("kvsock.service", "MainPID"), pid);
    }
    machine.start_valkey();
    wait_for("the daemon to end", || state(&machine) == "inactive");
}

/// Connects at random moments around the end of an idle daemon. Each connection has to be taken, and
/// each request answered.
fn meets_every_client(machine: &Machine) {
    let wanted = size("KVSOCK_TEST_CONNECTIONS", 300);
    let seed =
        std::env::var("KVSOCK_TEST_SEED").map_or_else(|_| rand::random(), |it| it.parse().unwrap());
    println!("KVSOCK_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut connections, mut waits) = (0, Vec::new());
    while connections < wanted {
        thread::sleep(Duration::from_millis(random.random_range(IDLE / 2..IDLE * 2)));
        let start = Instant::now();
        let mut clients: Vec<Client> =
            (0..random.random_range(1..4)).map(|_| connect(machine)).collect();
        for client in &mut clients {
            connections += 1;
            assert_eq!(client.ask("incr k"), connections.to_string());
        }
        waits.push(start.elapsed());
    }
    let starts = machine.ok(&["journalctl", "--output=cat", &format!("MESSAGE_ID={READY}")]);
    let starts = starts.lines().count();
    assert!(starts > 1, "the daemon ended in between");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");
    println!(
        "{connections} connections around {starts} starts of a daemon that ends after {IDLE} ms: \
         none refused, all answered, after {}",
        Times::new(waits)
    );
}

#[test]
fn nobody_is_refused_around_an_idle_exit() {
    let settings = with_idle_exit(EMBEDDED, &format!("{IDLE}ms"));
    let Some(machine) = Machine::boot(&settings) else { return };
    meets_every_client(&machine);
}

#[test]
fn nobody_is_refused_around_an_idle_exit_on_systemd_257() {
    let settings = with_idle_exit(EMBEDDED, &format!("{IDLE}ms"));
    let Some(machine) = Machine::boot_trixie(&settings) else { return };
    meets_every_client(&machine);
}
