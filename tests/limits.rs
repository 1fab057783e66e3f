//! Limits on clients: how many, how many of one user, how long in silence.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::daemon::{Client, Daemon, PATIENCE};
use support::valkey::Setup;

/// Places that administrators have above the limit.
const RESERVED: usize = 3;

#[test]
fn a_full_server_refuses_politely() {
    let daemon = Daemon::start(&[("MAX_CLIENTS", "2")]);
    let mut clients: Vec<Client> = (0..2 + RESERVED).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("ping"), "pong");
    }
    // A client that a busy machine keeps for 100 ms from saying anything is refused in text.
    let is_refused = |request: &[u8], with: &[u8]| {
        let mut client = daemon.connect();
        client.try_send(request).is_ok() && client.rest() == with
    };
    let mut attempts = 0..20;
    assert!(attempts.any(|_| is_refused(b"ping\n", b"ERROR: too many clients\n")));
    let resp = b"-ERR max number of clients reached\r\n";
    assert!(attempts.any(|_| is_refused(b"*1\r\n$4\r\nPING\r\n", resp)));
    assert!(attempts.any(|_| is_refused(b"HELLO 3\r\n", resp)));
    assert_eq!(daemon.connect().rest(), b"ERROR: too many clients\n", "in silence");
    drop(clients.pop());
    // The place is free as soon as the daemon has seen that.
    let served = || {
        let mut client = daemon.connect();
        client.try_send(b"ping\n").is_ok() && client.rest_or_pong()
    };
    while !served() {}
}

#[test]
fn a_silent_client_is_closed_after_the_timeout_and_a_lively_one_is_not() {
    let daemon = Daemon::start(&[("CLIENT_TIMEOUT", "2s")]);
    let (mut silent, mut lively) = (daemon.connect(), daemon.connect());
    let reader = std::thread::spawn(move || silent.rest());
    while !reader.is_finished() {
        assert_eq!(lively.ask("ping"), "pong");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(lively.ask("ping"), "pong");
    assert_eq!(reader.join().expect("closed"), b"");
}

const ANN: u32 = 1234;
const BOB: u32 = 1235;
const TEXT: &str = "ERROR: too many clients\n";
const RESP: &str = "-ERR max number of clients reached\r\n";

/// A connection of another user that stays open until it is dropped.
struct Held(Child);

impl Held {
    /// Connects, and is served.
    fn of(uid: u32, daemon: &Daemon) -> Held {
        let id = uid.to_string();
        let mut nc = Command::new("setpriv")
            .args(["--reuid", &id, "--regid", &id, "--clear-groups", "nc", "-U"])
            .arg(daemon.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv and nc");
        nc.stdin.as_mut().expect("piped").write_all(b"ping\n").expect("nc reads");
        let mut held = Held(nc);
        assert_eq!(held.line(), "pong\n", "user {uid}");
        held
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.0.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("nc writes");
        line
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A user is refused in each protocol.
#[track_caller]
fn is_refused(daemon: &Daemon, uid: u32) {
    assert_eq!(daemon.ask_as(uid, "ping\n"), TEXT, "user {uid}");
    let end = Instant::now() + PATIENCE;
    loop {
        let reply = daemon.ask_as(uid, "*1\r\n$4\r\nPING\r\n");
        if reply == RESP {
            return;
        }
        // On a busy machine the client may have been silent for longer than the daemon waits.
        assert_eq!(reply, TEXT, "user {uid}");
        assert!(Instant::now() < end, "user {uid} is always answered in text");
    }
}

/// A user is served, as soon as the daemon has seen that a place is free.
#[track_caller]
fn is_served(daemon: &Daemon, uid: u32) {
    let end = Instant::now() + PATIENCE;
    while daemon.ask_as(uid, "ping\n") != "pong\n" {
        assert!(Instant::now() < end, "user {uid} is not served");
    }
    assert_eq!(daemon.ask_as(uid, "*1\r\n$4\r\nPING\r\n"), "+PONG\r\n", "user {uid}");
}

#[test]
fn a_user_over_its_limit_is_refused_and_others_are_not() {
    let daemon = Daemon::start(&[("MAX_CLIENTS_PER_USER", "2")]);
    if !daemon.open_to_other_users() {
        return;
    }
    let held = [Held::of(ANN, &daemon), Held::of(ANN, &daemon)];
    is_refused(&daemon, ANN);
    let other = Held::of(BOB, &daemon);
    is_served(&daemon, BOB);
    let administrators: Vec<Client> = (0..9).map(|_| daemon.connect()).collect();
    assert_eq!(daemon.ask("ping"), "pong", "the limit does not bind root");
    is_refused(&daemon, ANN);
    drop(held);
    is_served(&daemon, ANN);
    drop((other, administrators));
}

#[test]
fn administrators_get_in_where_one_user_holds_all_places() {
    let daemon = Daemon::start(&[("MAX_CLIENTS", "3")]);
    if !daemon.open_to_other_users() {
        return;
    }
    let mut held: Vec<Held> = (0..3).map(|_| Held::of(ANN, &daemon)).collect();
    is_refused(&daemon, ANN);
    is_refused(&daemon, BOB);
    // Refused connections take no place, however many there are.
    for _ in 0..20 {
        assert_eq!(daemon.ask_as(ANN, "ping\n"), TEXT);
    }
    let mut root: Vec<Client> = (0..RESERVED).map(|_| daemon.connect()).collect();
    for client in &mut root {
        assert_eq!(client.ask("ping"), "pong");
    }
    is_refused(&daemon, BOB);
    // Enough to make room again.
    assert_eq!(root[0].ask("client kill type normal"), (3 + RESERVED - 1).to_string());
    for held in &mut held {
        assert_eq!(held.line(), "", "it was closed");
    }
    is_served(&daemon, BOB);
}

/// A daemon on each store, with these settings.
fn on_each(settings: &[(&str, &str)], test: impl Fn(&Daemon)) {
    test(&Daemon::start(settings));
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let mut settings = settings.to_vec();
    settings.push(("STORE", &url));
    test(&Daemon::start(&settings));
}

/// Waits until `client` is the only one.
fn wait_until_alone(client: &mut Client) {
    let end = Instant::now() + PATIENCE;
    loop {
        client.send("info clients\n");
        let mut count = String::new();
        loop {
            let line = client.line();
            if let Some(found) = line.split("connected_clients:").nth(1) {
                count = found.chars().take_while(char::is_ascii_digit).collect();
            }
            if line.contains("maxclients") || line.ends_with('"') {
                break;
            }
        }
        if count == "1" {
            return;
        }
        assert!(Instant::now() < end, "{count} clients are still connected");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn clients_that_hang_up_do_not_count_whatever_they_asked_for() {
    on_each(&[("MAX_CLIENTS", "40")], |daemon| {
        let transaction = "watch a\nmulti\nset a 1\nget a\nexec\n".repeat(20);
        for _ in 0..2000 {
            let mut client = daemon.connect();
            // The daemon may have refused it: it sees hang-ups later than they happen.
            let _ = client.try_send(&transaction);
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let mut client = daemon.connect();
            if client.try_send("ping\n").is_ok() && client.rest_or_pong() {
                break;
            }
            assert!(Instant::now() < end, "nobody is served");
        }
    });
}
