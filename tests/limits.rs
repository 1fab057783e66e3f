//! Limits on clients: how many, how many of one user, how long in silence.

mod support;

use std::time::{Duration, Instant};

use support::daemon::{Client, Daemon};

/// Root and the daemon's own user, whom the limits of others do not bind, are all that a test can
/// be without accounts of its own: administrators have three places more.
const RESERVED: usize = 3;

#[test]
fn a_full_server_refuses_politely() {
    let daemon = Daemon::start(&[("MAX_CLIENTS", "2")]);
    let mut clients: Vec<Client> = (0..2 + RESERVED).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("ping"), "pong");
    }
    let mut text = daemon.connect();
    text.send(b"ping\n");
    assert_eq!(text.rest(), b"ERROR: too many clients\n");
    let mut resp = daemon.connect();
    resp.send(b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(resp.rest(), b"-ERR max number of clients reached\r\n");
    assert_eq!(daemon.connect().rest(), b"ERROR: too many clients\n", "in silence");
    drop(clients.pop());
    // The place is free as soon as the daemon has seen that.
    let served = || {
        let mut client = daemon.connect();
        client.send(b"ping\n");
        client.rest_or_pong()
    };
    while !served() {}
}

#[test]
fn a_silent_client_is_closed_after_the_timeout_and_a_lively_one_is_not() {
    let daemon = Daemon::start(&[("CLIENT_TIMEOUT", "300ms")]);
    let (mut silent, mut lively) = (daemon.connect(), daemon.connect());
    let start = Instant::now();
    let reader = std::thread::spawn(move || silent.rest());
    while start.elapsed() < Duration::from_millis(900) {
        assert_eq!(lively.ask("ping"), "pong");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(reader.join().expect("closed"), b"");
}

#[test]
fn ten_thousand_clients_are_served() {
    let daemon = Daemon::start(&[]);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("raised");
    let count = limit.maximum.map_or(10_000, |limit| (limit - 100).min(10_000));
    let before = daemon.memory();
    let mut clients: Vec<Client> = (0..count).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        client.send(b"ping\n");
    }
    for client in &mut clients {
        assert_eq!(client.line(), "pong");
    }
    let each = (daemon.memory() - before) / clients.len();
    assert!(each < 12 * 1024, "an idle client costs {each} bytes");
}
