//! Limits on clients: how many, how many of one user, how long in silence.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::daemon::{Daemon, PATIENCE};
use support::valkey::Setup;
use support::wire::client::Client;
use support::wire::frame::bulk;

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
        client.try_send(b"ping\n").is_ok() && client.line() == "pong"
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

/// How many clients there are, as `client` is told.
fn connected_clients(client: &mut Client) -> usize {
    client.send("*2\r\n$4\r\nINFO\r\n$7\r\nclients\r\n");
    let reply = client.frame().expect("the whole reply");
    let text = str::from_utf8(bulk(&reply).expect("a bulk string")).expect("text");
    let count = text.split("connected_clients:").nth(1).and_then(|rest| rest.lines().next());
    count.expect("a field").parse().expect("a number")
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn descriptors(daemon: &Daemon) -> usize {
    let path = format!("/proc/{}/fd", daemon.pid().as_raw_nonzero());
    std::fs::read_dir(path).expect("it runs").count()
}

const TRANSACTION: &str = "watch a\nmulti\nset a 1\nget a\nexec\n";

#[test]
fn clients_that_hang_up_keep_no_places() {
    on_each(&[("MAX_CLIENTS", "100")], |daemon| {
        let mut watcher = daemon.connect();
        assert_eq!(connected_clients(&mut watcher), 1);
        let before = descriptors(daemon);
        for _ in 0..2000 {
            // The daemon may refuse it, since it sees a hang-up a little later than it happens.
            let _ = daemon.connect().try_send(TRANSACTION.repeat(20));
        }
        wait_until("nobody new is served", || {
            let mut client = daemon.connect();
            client.try_send("ping\n").is_ok() && client.line() == "pong"
        });
        wait_until("they still count", || connected_clients(&mut watcher) == 1);
        // What the pool of connections to the store keeps.
        wait_until("descriptors leak", || descriptors(daemon) <= before + 16);
    });
}

#[test]
fn clients_that_hang_up_while_the_store_stands_still_do_not_count() {
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let daemon = Daemon::start(&[("STORE", &url), ("STORE_TIMEOUT", "60s")]);
    let mut watcher = daemon.connect();
    assert_eq!(daemon.ask("set b 1"), "OK");
    valkey.stop();
    let requests = [TRANSACTION, "get a\n", "set a 1\nmulti\nget a\nexec\n"];
    let clients: Vec<Client> = (0..300)
        .map(|number| {
            let mut client = daemon.connect();
            client.send(requests[number % requests.len()]);
            client
        })
        .collect();
    wait_until("they come in", || connected_clients(&mut watcher) == 301);
    drop(clients);
    wait_until("they still count", || connected_clients(&mut watcher) == 1);
    valkey.cont();
    wait_until("the store answers again", || daemon.ask("get b") == "1");
}

#[test]
fn a_client_that_only_sends_no_more_gets_its_replies_from_a_slow_store() {
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let daemon = Daemon::start(&[("STORE", &url), ("STORE_TIMEOUT", "60s")]);
    valkey.stop();
    let mut client = daemon.connect();
    client.send("set a 1\nget a\n");
    client.finish();
    // Longer than it is looked at whether it has hung up.
    std::thread::sleep(Duration::from_secs(1));
    valkey.cont();
    assert_eq!(client.rest(), b"OK\n1\n");
}

#[test]
fn what_a_client_sends_before_it_hangs_up_is_carried_out() {
    on_each(&[], |daemon| {
        for number in 0..50 {
            daemon.connect().send(format!("set a{number} 1\nmulti\nset b{number} 1\nexec\n"));
        }
        wait_until("requests are lost", || daemon.ask("dbsize") == "100");
    });
}
