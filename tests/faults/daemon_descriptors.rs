//! The daemon is short of descriptors.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, CLIENTS, Load};
use crate::support::role::{Kvsock, Server};
use crate::support::valkey::Setup;
use crate::support::wire::client::Client;
use crate::{rounds, show, until};

/// Places for clients of a daemon with 256 descriptors, and those for administrators, as this
/// user is one.
const PLACES: usize = 128 + 3;

/// Lets it have so many descriptors from now on. By a process of the daemon's user: of others' even
/// root may not everywhere.
fn limit(daemon: &dyn Kvsock, count: u64) {
    let process = daemon.pid().as_raw_nonzero().to_string();
    let [uid, gid] = ["Uid:", "Gid:"].map(|name| status(daemon, name));
    let limit = Command::new("setpriv")
        .args(["--reuid", &uid, "--regid", &gid, "--clear-groups"])
        .args(["prlimit", "--pid", &process, &format!("--nofile={count}:")])
        .status();
    assert!(limit.expect("setpriv").success());
}

/// The first value that `proc_pid_status(5)` has under this name.
fn status(daemon: &dyn Kvsock, name: &str) -> String {
    let path = format!("/proc/{}/status", daemon.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("it runs");
    let values = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    values.split_whitespace().next().expect("a value").to_owned()
}

/// The descriptors that it has; `None`, said on standard error, for others than root, who may not
/// look into it.
fn descriptors(daemon: &dyn Kvsock) -> Option<BTreeSet<u64>> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root sees which descriptors kvsockd has");
        return None;
    }
    let entries = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid().as_raw_nonzero()));
    let names = entries.expect("it runs").map(|entry| entry.expect("an entry").file_name());
    Some(names.map(|name| name.to_str().expect("a number").parse().expect("a number")).collect())
}

/// A daemon with 256 descriptors.
fn start_with_few(settings: &[(&str, &str)]) -> Daemon {
    let mut daemon = Daemon::stopped(settings);
    daemon.start_by(&["prlimit", "--nofile=256:256"]);
    daemon.launch();
    daemon
}

/// Comes with 400 clients, and gives those that are served; the others have to be refused.
fn crowd(daemon: &dyn Kvsock) -> Vec<Client> {
    let mut served: Vec<Client> = Vec::new();
    for _ in 0..400 {
        let mut client = daemon.connect();
        // Who asks late may be refused already, and reads that.
        let _ = client.try_send("incr visits\n");
        match &*client.line() {
            "ERROR: too many clients" => assert_eq!(served.len(), PLACES - CLIENTS),
            visits => {
                served.push(client);
                assert_eq!(visits, served.len().to_string());
            }
        }
    }
    assert_eq!(served.len(), PLACES - CLIENTS);
    served
}

/// Time that it had a processor for, and how often it gave one up.
fn effort(daemon: &dyn Kvsock) -> (Duration, u64) {
    let process = format!("/proc/{}", daemon.pid().as_raw_nonzero());
    let stat = std::fs::read_to_string(format!("{process}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("its name");
    // Fields 14 and 15 of proc_pid_stat(5), in ticks of which all architectures have 100 a second.
    let ticks = |place: usize| -> u64 {
        fields.split(' ').nth(place - 3).expect("a field").parse().expect("a number")
    };
    let switches = status(daemon, "voluntary_ctxt_switches:").parse().expect("a number");
    (Duration::from_millis(10 * (ticks(14) + ticks(15))), switches)
}

/// The daemon has 256 descriptors and waits for a store that is away, which loses nothing.
pub(crate) fn keeps_a_descriptor_for_its_store(daemon: &dyn Kvsock, valkey: &mut dyn Server) {
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    let mut served = crowd(daemon);
    for _ in 0..rounds(3) {
        valkey.kill();
        let down = |client: &mut Client| client.ask("status").contains("(down: ");
        until("the store is seen to be away", || down(&mut served[0]));
        let waiting: Vec<Client> = (0..400).map(|_| daemon.connect()).collect();
        valkey.launch();
        until("the store is there again", || !down(&mut served[0]));
        load.go_on();
        // A connection of its own to the store.
        assert_eq!(served[1].ask("watch visits"), "OK");
        assert_eq!(served[1].ask("multi"), "OK");
        assert_eq!(served[1].ask("get visits"), "QUEUED");
        assert_eq!(served[1].ask("exec"), served.len().to_string());
        drop(waiting);
    }
    let figures = load.finish();
    show(&format!("256 descriptors, {} more clients: {figures}", served.len()));
    assert_eq!(figures.unavailable, 0, "{figures}");
    let visits = served.len().to_string();
    for client in &mut served {
        assert_eq!(client.ask("get visits"), visits);
    }
}

#[test]
fn clients_cannot_take_the_descriptor_that_a_lost_store_needs() {
    let setup = Setup { durable: true, ..Setup::default() };
    let Some(mut valkey) = setup.start() else { return };
    let daemon = start_with_few(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "20s")]);
    keeps_a_descriptor_for_its_store(&daemon, &mut valkey);
}

/// The daemon has 256 descriptors and an embedded store.
pub(crate) fn keeps_descriptors_for_its_files(daemon: &mut dyn Kvsock) {
    let load = Load::start(&daemon.socket(), "k", Allowed { endings: true, ..Allowed::default() });
    load.go_on();
    let mut served = crowd(daemon);
    // Some journals and tables.
    let value = |number: u64| format!("{number}:").repeat(100_000);
    let count = rounds(400);
    for number in 0..count {
        assert_eq!(served[0].ask(&format!("set large{number} {}", value(number))), "OK");
    }
    assert_eq!(served[1].ask("save"), "OK");
    load.go_on();
    let paused = load.pause();
    daemon.kill();
    drop(served);
    daemon.launch();
    for number in 0..count {
        assert!(daemon.ask(&format!("get large{number}")) == value(number), "large{number}");
    }
    let figures = paused.check();
    show(&format!("256 descriptors and {count} large values: {figures}"));
    assert_eq!(figures.done, figures.all(), "{figures}");
}

#[test]
fn clients_cannot_take_the_descriptors_that_the_embedded_store_needs() {
    keeps_descriptors_for_its_files(&mut start_with_few(&[("SYNC", "no")]));
}

/// From now on the kernel refuses it any further descriptor. Gives clients that have one, twenty
/// and more, and how many it has.
fn take_the_rest(daemon: &dyn Kvsock) -> Option<(Vec<Client>, u64)> {
    let mut held = Vec::new();
    loop {
        let all = descriptors(daemon)?;
        // With a gap, as a file leaves that was closed, those of who goes would be beyond the limit.
        let has_gap = all.iter().zip(0..).any(|(number, place)| *number != place);
        if held.len() >= 20 && !has_gap {
            let all = all.len() as u64;
            limit(daemon, all);
            return Some((held, all));
        }
        let mut client = daemon.connect();
        assert_eq!(client.ask("ping"), "pong");
        held.push(client);
    }
}

/// The daemon's store is a Valkey: an embedded one needs files.
pub(crate) fn lets_wait_whom_it_cannot_take(daemon: &mut dyn Kvsock) {
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    let Some((held, _)) = take_the_rest(daemon) else { return };
    let mut waiting: Vec<Client> = (0..50).map(|_| daemon.connect()).collect();
    for client in &mut waiting {
        client.send("txkey\n");
    }
    // Others are served as before.
    load.go_on();
    let paused = load.pause();
    let (before, start) = (effort(daemon), Instant::now());
    // Longer than a watchdog waits.
    std::thread::sleep(Duration::from_secs(4));
    let (after, time) = (effort(daemon), start.elapsed());
    let (busy, switches) = (after.0.saturating_sub(before.0), after.1 - before.1);
    for client in &mut waiting {
        client.0.get_ref().set_nonblocking(true).expect("a socket");
        let error = client.0.fill_buf().expect_err("nobody was taken");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        client.0.get_ref().set_nonblocking(false).expect("a socket");
    }
    let figures = paused.check();
    show(&format!(
        "out of descriptors with {} clients waiting: {busy:?} of a processor's time and \
         {switches} context switches in {time:?}; {figures}",
        waiting.len()
    ));
    assert!(busy < time / 5, "it spins: busy for {busy:?} of {time:?}");
    assert_eq!(figures.done, figures.all(), "{figures}");
    // Who goes makes room for those who wait.
    let (mut keys, free) = (Vec::new(), held.len().min(waiting.len() / 2));
    drop(held);
    for client in &mut waiting[..free] {
        keys.push(client.line());
    }
    // As does a higher limit.
    limit(daemon, 1_000);
    for client in &mut waiting[free..] {
        keys.push(client.line());
    }
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), keys.len(), "each was answered once");
    assert_eq!(daemon.ask("ping"), "pong");
    daemon.stop();
}

#[test]
fn connections_that_cannot_be_taken_wait_and_cost_nothing() {
    let Some(valkey) = Setup::default().start() else { return };
    lets_wait_whom_it_cannot_take(&mut Daemon::start(&[("STORE", &valkey.url())]));
}

/// The daemon has an embedded store.
pub(crate) fn writes_again_when_there_are_descriptors(daemon: &dyn Kvsock) {
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    for _ in 0..rounds(2) {
        load.go_on();
        let Some((mut held, all)) = take_the_rest(daemon) else { return };
        let value = "x".repeat(400_000);
        let unavailable = "ERROR: store unavailable: embedded:";
        until("it cannot make the next file", || {
            held[0].ask(&format!("set large {value}")).starts_with(unavailable)
        });
        // For reads the database stays open, as one descriptor is too few to open it again.
        limit(daemon, all + 1);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            load.go_on_by(1);
            assert_eq!(held[0].ask("get nothing"), "(nil)");
        }
        limit(daemon, 1_000);
        until("it can", || held[0].ask("set large small") == "OK");
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("an embedded store without descriptors: {figures}"));
    assert!(figures.unavailable > 0, "{figures}");
}

#[test]
fn an_embedded_store_writes_again_when_there_are_descriptors() {
    writes_again_when_there_are_descriptors(&Daemon::start(&[("SYNC", "no")]));
}
