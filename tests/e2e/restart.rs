//! Open connections outlive a restart, with all they have told, and a stop ends them.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::{Client, ask};
use crate::machine::{BOUND, Machine, wait_for};
use crate::{EMBEDDED, VALKEY};

/// Clients that keep up load while others are idle.
const LOADED: usize = 200;

/// A figure of the test's size, larger by hand than in a short run.
fn size(variable: &str, short: usize) -> usize {
    std::env::var(variable).map_or(short, |text| text.parse().unwrap())
}

/// A connection that speaks RESP.
fn resp(machine: &Machine) -> UnixStream {
    let stream = UnixStream::connect(machine.path("/run/kvsock/kvsock.sock")).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
}

/// Sends `bytes` and has to be answered with just `reply`.
fn talk(stream: &mut UnixStream, bytes: &[u8], reply: &[u8]) {
    stream.write_all(bytes).unwrap();
    let mut found = vec![0; reply.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, reply, "to {bytes:?}: {:?}", String::from_utf8_lossy(&found));
}

fn restart(machine: &Machine) {
    let before = machine.property("kvsock.service", "MainPID");
    machine.systemctl(&["restart", "kvsock.service"]);
    assert_ne!(machine.property("kvsock.service", "MainPID"), before);
}

/// Every kind of connection, across a restart.
fn keeps_what_was_told(machine: &Machine) {
    let mut text = Client::connect(machine);
    assert_eq!(text.ask("client setname vera"), "OK");
    let id = text.ask("client id");
    text.write(b"set half a val");

    let mut long = Client::connect(machine);
    let limit = 16 * 1024 * 1024;
    long.write(&vec![b'x'; limit + 100]);
    assert_eq!(long.reply().unwrap(), format!("ERROR: request longer than {limit} bytes"));

    let (mut two, mut three) = (resp(machine), resp(machine));
    talk(&mut two, b"*1\r\n$5\r\nMULTI\r\n", b"+OK\r\n");
    talk(&mut two, b"*3\r\n$3\r\nSET\r\n$1\r\nq\r\n$4\r\n\r\n\0\xff\r\n", b"+QUEUED\r\n");
    talk(&mut two, b"*2\r\n$6\r\nCLIENT\r\n$7\r\nGETNAME\r\n", b"+QUEUED\r\n");
    three.write_all(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n").unwrap();
    let mut hello = Vec::new();
    while !hello.ends_with(b"modules\r\n*0\r\n") {
        let mut byte = [0];
        three.read_exact(&mut byte).unwrap();
        hello.push(byte[0]);
    }
    talk(&mut three, b"*2\r\n$5\r\nWATCH\r\n$1\r\nw\r\n", b"+OK\r\n");
    three.write_all(b"*2\r\n$3\r\nGET\r\n$6\r\nnot").unwrap();
    let silent = Client::connect(machine);

    restart(machine);

    text.write(b"ue\n");
    assert_eq!(text.reply().unwrap(), "OK");
    assert_eq!(text.ask("get half"), "a value");
    assert_eq!((text.ask("client getname"), text.ask("client id")), ("vera".to_owned(), id));
    long.write(b"yyy\nping\n");
    assert_eq!(long.reply().unwrap(), "pong", "the rest of the long line is read away");
    talk(&mut two, b"*1\r\n$4\r\nEXEC\r\n", b"*2\r\n+OK\r\n$-1\r\n");
    talk(&mut two, b"*2\r\n$3\r\nGET\r\n$1\r\nq\r\n", b"$4\r\n\r\n\0\xff\r\n");
    talk(&mut three, b"key\r\n", b"_\r\n");
    talk(&mut three, b"*1\r\n$5\r\nMULTI\r\n", b"+OK\r\n");
    talk(&mut three, b"*1\r\n$4\r\nEXEC\r\n", b"_\r\n");
    talk(&mut three, b"*1\r\n$5\r\nMULTI\r\n", b"+OK\r\n");
    talk(&mut three, b"*1\r\n$4\r\nEXEC\r\n", b"*0\r\n");
    let mut silent = silent;
    assert_eq!(silent.ask("ping"), "pong");
    let newest: u64 = ask(machine, "client id").parse().unwrap();
    assert!(newest > 5, "numbers go on: {newest}");
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "0");
}

#[test]
fn a_restart_keeps_connections_and_what_they_told() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    keeps_what_was_told(&machine);
}

#[test]
fn a_restart_keeps_connections_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    keeps_what_was_told(&machine);
}

/// Lets `LOADED` clients count and `idle` ones wait while `restarts` happen; every reply has to be
/// the next number. Gives how many requests were answered, and the longest pause.
pub(crate) fn survive(
    machine: &Machine,
    idle: usize,
    restarts: impl FnOnce() + Send,
) -> (usize, Duration) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let connect =
        |count: usize| -> Vec<Client> { (0..count).map(|_| Client::connect(machine)).collect() };
    let mut waiting = connect(idle);
    let ids: Vec<String> = waiting.iter_mut().map(|client| client.ask("client id")).collect();
    let over = AtomicBool::new(false);
    let over = &over;
    let results: Vec<(usize, Duration)> = thread::scope(|scope| {
        let load: Vec<_> = connect(LOADED)
            .into_iter()
            .enumerate()
            .map(|(number, mut client)| {
                scope.spawn(move || {
                    let (mut count, mut longest) = (0, Duration::ZERO);
                    while !over.load(Ordering::Relaxed) {
                        let start = Instant::now();
                        let reply = client.ask(&format!("incr load{number}"));
                        count += 1;
                        assert_eq!(reply, count.to_string(), "client {number}");
                        longest = longest.max(start.elapsed());
                        // Load, and not the most that there can be: the machine has more to do.
                        thread::sleep(Duration::from_millis(10));
                    }
                    (count, longest)
                })
            })
            .collect();
        restarts();
        over.store(true, Ordering::Relaxed);
        load.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for (client, id) in waiting.iter_mut().zip(ids) {
        assert_eq!(client.ask("client id"), id);
    }
    let answered = results.iter().map(|(count, _)| count).sum();
    (answered, results.iter().map(|(_, pause)| *pause).max().unwrap())
}

fn survives_many_restarts(machine: &Machine) {
    let (clients, times) = (size("KVSOCK_TEST_CLIENTS", 10_000), size("KVSOCK_TEST_RESTARTS", 5));
    let (answered, pause) = survive(machine, clients - LOADED, || {
        for _ in 0..times {
            restart(machine);
        }
    });
    println!(
        "{clients} clients, {LOADED} of them with load, {times} restarts: {answered} requests \
         answered rightly, no connection closed, longest pause {pause:?}"
    );
}

#[test]
fn ten_thousand_clients_survive_restarts_beside_valkey() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    machine.start_valkey();
    survives_many_restarts(&machine);
}

#[test]
fn ten_thousand_clients_survive_restarts_with_the_embedded_store_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    survives_many_restarts(&machine);
}

#[test]
fn a_stop_closes_connections_and_the_next_client_starts_the_daemon() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = Client::connect(&machine);
    assert_eq!(client.ask("set k v"), "OK");
    machine.systemctl(&["stop", "kvsock.service"]);
    assert_eq!(client.rest(), "");
    assert_eq!(ask(&machine, "get k"), "v");
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "0");
}

#[test]
fn a_crash_drops_connections_and_harms_no_later_start() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = Client::connect(&machine);
    assert_eq!(client.ask("set k v"), "OK");
    restart(&machine);
    assert_eq!(client.ask("get k"), "v");
    let pid = machine.property("kvsock.service", "MainPID");
    machine.ok(&["kill", "-KILL", &pid]);
    assert!(client.reply().is_err(), "the crash closed it");
    let mut next = Client::connect(&machine);
    assert_eq!(next.ask("get k"), "v");
    restart(&machine);
    assert_eq!(next.ask("get k"), "v");
}

#[test]
fn a_transaction_is_checked_again_with_the_rights_of_today() {
    let Some(machine) = Machine::boot(&format!("{EMBEDDED}KVSOCK_SCRIPTS=no\n")) else { return };
    let mut client = Client::connect(&machine);
    assert_eq!(client.ask("multi"), "OK");
    assert_eq!(client.ask("set k a  b"), "QUEUED");
    assert_eq!(client.ask("client setname x"), "QUEUED");
    assert!(client.ask("nonsense").starts_with("ERROR: unknown command"));
    restart(&machine);
    assert!(client.ask("exec").starts_with("ERROR: EXECABORT"), "what was spoilt stays so");
    assert_eq!(client.ask("multi"), "OK");
    assert_eq!(client.ask("set k a  b"), "QUEUED");
    restart(&machine);
    restart(&machine);
    assert_eq!(client.ask("exec"), "OK");
    assert_eq!(client.ask("get k"), "a  b");
    wait_for("the entry", || {
        machine.journal("kvsock.service").iter().any(|entry| {
            entry["MESSAGE"].as_str().is_some_and(|text| text.contains("stayed connected"))
                && entry["KVSOCK_CLIENTS"] == "1"
        })
    });
}
