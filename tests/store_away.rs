//! The daemon while its Valkey is away: it stays up, tells so, and serves again by itself; every
//! reply is the right one, and nothing acknowledged is lost.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::daemon::{Client, Daemon, PATIENCE};
use support::valkey::Setup;

/// How a request can end.
#[derive(Debug, PartialEq)]
enum End {
    Done(String),
    NotDone,
    Unknown,
}

fn ask(client: &mut Client, request: &str) -> End {
    let reply = client.ask(request);
    let Some(error) = reply.strip_prefix("ERROR: ") else { return End::Done(reply) };
    if error.starts_with("store unavailable: ") {
        return End::NotDone;
    }
    let command = request.split(' ').next().expect("a word");
    let unknown = format!("store connection lost; \"{command}\" may or may not have been applied.");
    assert_eq!(error, unknown, "to {request}");
    End::Unknown
}

/// One client with keys of its own: each reply must be one that its requests allow.
struct Checked {
    client: Client,
    name: usize,
    /// The values that each key may have.
    possible: HashMap<String, Vec<String>>,
    serial: u64,
    done: u64,
    unknown: u64,
}

impl Checked {
    fn new(daemon: &Daemon, name: usize) -> Checked {
        let (client, possible) = (daemon.connect(), HashMap::new());
        Checked { client, name, possible, serial: 0, done: 0, unknown: 0 }
    }

    fn step(&mut self) {
        self.serial += 1;
        let key = format!("c{}:{}", self.name, self.serial % 5);
        let possible = self.possible.entry(key.clone()).or_insert_with(|| vec!["(nil)".to_owned()]);
        if self.serial.is_multiple_of(3) {
            match ask(&mut self.client, &format!("get {key}")) {
                End::Done(found) => {
                    assert!(possible.contains(&found), "{key} is {found}, not of {possible:?}");
                    *possible = vec![found];
                    self.done += 1;
                }
                End::NotDone => {}
                End::Unknown => panic!("a get is never of unknown outcome"),
            }
            return;
        }
        let value = format!("{key}={}", self.serial);
        match ask(&mut self.client, &format!("set {key} {value}")) {
            End::Done(reply) => {
                assert_eq!(reply, "OK");
                *possible = vec![value];
                self.done += 1;
            }
            End::NotDone => {}
            End::Unknown => {
                possible.push(value);
                self.unknown += 1;
            }
        }
    }

    fn check_all(&mut self) {
        for (key, possible) in &self.possible {
            let found = self.client.ask(&format!("get {key}"));
            assert!(possible.contains(&found), "{key} is {found}, not of {possible:?}");
        }
    }
}

#[test]
fn a_daemon_whose_store_is_down_is_up_and_serves_when_the_store_is_back() {
    let Some(mut valkey) = (Setup { durable: true, ..Setup::default() }).start() else { return };
    valkey.kill();
    let secret = format!("{}?user=default&pass=sesame", valkey.url());
    let daemon = Daemon::start(&[("STORE", &secret), ("STORE_TIMEOUT", "500ms")]);
    assert_eq!(daemon.ask("ping"), "pong");
    let start = Instant::now();
    let named = format!("ERROR: store unavailable: {}?db=0: ", valkey.url());
    let reply = daemon.ask("get x");
    assert!(reply.starts_with(&named), "which store, and no user nor password: {reply}");
    for reply in [daemon.ask("cleardb"), daemon.connect().ask("watch x")] {
        assert!(reply.starts_with(&named), "{reply}");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "bounded by the time-out");
    assert!(daemon.ask("pingdb").starts_with("ERROR: store unavailable: "));
    assert!(daemon.ask("status").contains("(down: "));
    valkey.restart();
    let end = Instant::now() + PATIENCE;
    while daemon.ask("set x back") != "OK" {
        assert!(Instant::now() < end, "it serves again without a restart");
    }
    assert_eq!(daemon.ask("get x"), "back");
    assert!(daemon.ask("status").contains("(up)"));
}

#[test]
fn every_reply_is_right_while_valkey_is_killed_frozen_and_restarted() {
    let Some(mut valkey) = (Setup { durable: true, ..Setup::default() }).start() else { return };
    let settings = [("STORE", &*valkey.url()), ("STORE_TIMEOUT", "1s")];
    let daemon = Daemon::start(&settings);
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|name| {
            let (mut client, over) = (Checked::new(&daemon, name), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    client.step();
                }
                client
            })
        })
        .collect();
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(200));
        valkey.kill();
        std::thread::sleep(Duration::from_millis(100));
        valkey.restart();
        std::thread::sleep(Duration::from_millis(200));
        valkey.stop();
        std::thread::sleep(Duration::from_millis(1300));
        valkey.cont();
    }
    // The daemon may be in its back-off still.
    std::thread::sleep(Duration::from_millis(1500));
    over.store(true, Ordering::Relaxed);
    let (mut done, mut unknown) = (0, 0);
    for client in clients {
        let mut client = client.join().expect("every reply was right");
        client.check_all();
        (done, unknown) = (done + client.done, unknown + client.unknown);
    }
    eprintln!("{done} requests done, {unknown} of unknown outcome");
    assert!(done > 1000, "{done} requests are no load");
}

#[test]
fn a_short_restart_is_a_pause_and_no_error() {
    let Some(mut valkey) = (Setup { durable: true, ..Setup::default() }).start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    let mut client = daemon.connect();
    assert_eq!(client.ask("set k before"), "OK");
    for round in 0..5 {
        valkey.kill();
        // The daemon has seen the end of the connection before the next request comes.
        let end = Instant::now() + PATIENCE;
        while !daemon.ask("status").contains("(down: ") {
            assert!(Instant::now() < end, "the end of an idle connection is noticed");
        }
        let waiting = std::thread::spawn({
            let mut other = daemon.connect();
            move || other.ask(&format!("set k {round}"))
        });
        valkey.restart();
        assert_eq!(waiting.join().expect("asked"), "OK");
        assert_eq!(client.ask("get k"), round.to_string());
    }
}
