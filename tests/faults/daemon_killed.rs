//! The daemon is killed under load, again and again: not one acknowledged write may be lost,
//! whatever the store is and `KVSOCK_SYNC` says, and what was not acknowledged is there once or not
//! at all.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::show;
use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::support::valkey::Setup;
use crate::support::wire::client::Client;

const WRITERS: usize = 4;
/// Requests that each writer has under way at a time.
const DEPTH: u64 = 8;

/// How often the daemon is killed; `KVSOCK_TEST_KILLS` may ask for more or fewer.
fn rounds() -> u64 {
    let asked_for = std::env::var("KVSOCK_TEST_KILLS").ok();
    asked_for.map_or(100, |count| count.parse().expect("KVSOCK_TEST_KILLS is a number"))
}

/// What a writer knows when its connection breaks: for each of its keys the last value that was
/// acknowledged, and the last that was sent.
type Knowledge = HashMap<String, (u64, u64)>;

/// Sets its keys to ever greater values, as fast as they are acknowledged, until the connection
/// breaks; tells `started` when the first was.
fn write(
    mut client: Client,
    writer: usize,
    mut known: Knowledge,
    mut next: u64,
    started: &Sender<()>,
) -> (Knowledge, u64) {
    loop {
        let batch: Vec<(String, u64)> =
            (0..DEPTH).map(|n| (format!("w{writer}:k{}", (next + n) % 13), next + n)).collect();
        next += DEPTH;
        for (key, value) in &batch {
            known.entry(key.clone()).or_insert((0, 0)).1 = *value;
        }
        let lines: Vec<String> =
            batch.iter().map(|(key, value)| format!("set {key} {value}\n")).collect();
        if client.try_send(lines.concat()).is_err() {
            return (known, next);
        }
        for (key, value) in batch {
            match client.try_line() {
                Ok(reply) if reply == "OK" => {
                    known.get_mut(&key).expect("it was sent").0 = value;
                    let _ = started.send(());
                }
                Ok(reply) => panic!("the daemon says {reply:?}"),
                Err(error) => {
                    // A reply comes whole or not at all.
                    assert_ne!(error.kind(), ErrorKind::InvalidData, "{error}");
                    return (known, next);
                }
            }
        }
    }
}

type Writer = JoinHandle<(Knowledge, u64)>;

fn start_writers(daemon: &Daemon, states: Vec<(Knowledge, u64)>) -> (Vec<Writer>, Receiver<()>) {
    let (started, has_started) = channel();
    let writers = states.into_iter().enumerate().map(|(number, (known, next))| {
        let (client, started) = (daemon.connect(), started.clone());
        std::thread::spawn(move || write(client, number, known, next, &started))
    });
    (writers.collect(), has_started)
}

fn check(daemon: &Daemon, known: &mut Knowledge) {
    let mut client = daemon.connect();
    for (key, (acknowledged, sent)) in known.iter_mut() {
        let reply = client.ask(&format!("get {key}"));
        let found: u64 = if reply == "(nil)" { 0 } else { reply.parse().expect("a value") };
        assert!(
            (*acknowledged..=*sent).contains(&found),
            "{key} is {found}: {acknowledged} was acknowledged, {sent} was sent"
        );
        // What was found is there from now on.
        (*acknowledged, *sent) = (found, found);
    }
}

fn kill_again_and_again(sync: &str) {
    let mut daemon = Daemon::start(&[("SYNC", sync)]);
    let mut states = vec![(Knowledge::new(), 1); WRITERS];
    for round in 0..rounds() {
        let (writers, has_started) = start_writers(&daemon, std::mem::take(&mut states));
        has_started.recv().expect("a first acknowledgement");
        // Moments of all kinds: in a commit, between two, in a flush.
        std::thread::sleep(Duration::from_micros(round * 7919 % 20_000));
        daemon.kill();
        states = writers.into_iter().map(|writer| writer.join().expect("a writer")).collect();
        daemon.launch();
        for (known, _) in &mut states {
            check(&daemon, known);
        }
        let known = states.iter().flat_map(|(known, _)| known);
        let mut pairs: Vec<String> = known
            .filter(|(_, (found, _))| *found > 0)
            .map(|(key, (found, _))| format!("\"{key}\":{found}"))
            .collect();
        assert_eq!(daemon.ask("dbsize"), pairs.len().to_string(), "in round {round}");
        let last = daemon.ask("last 1000");
        let mut last: Vec<&str> = last.split(' ').filter(|pair| !pair.is_empty()).collect();
        pairs.sort_unstable();
        last.sort_unstable();
        assert_eq!(last, pairs, "in round {round}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_with_sync_always() {
    kill_again_and_again("always");
}

#[test]
fn nothing_acknowledged_is_lost_with_sync_everysec() {
    kill_again_and_again("everysec");
}

#[test]
fn nothing_acknowledged_is_lost_with_sync_no() {
    kill_again_and_again("no");
}

fn kill_under_load(mut daemon: Daemon, store: &str) {
    let load = Load::start(&daemon.socket(), "k", Allowed { endings: true, ..Allowed::default() });
    let kills = crate::rounds(10);
    for round in 0..kills {
        load.go_on_by(5);
        std::thread::sleep(Duration::from_micros(round * 7919 % 20_000));
        daemon.kill();
        daemon.launch();
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("kvsockd on {store} killed {kills} times: {figures}"));
    assert!(figures.unanswered > 0, "no kill hit a request: {figures}");
    assert_eq!((figures.unavailable, figures.unknown), (0, 0), "{figures}");
}

#[test]
fn each_client_finds_what_it_was_told_with_the_embedded_store() {
    kill_under_load(Daemon::start(&[]), "the embedded store");
}

#[test]
fn each_client_finds_what_it_was_told_with_valkey() {
    let Some(valkey) = Setup::default().start() else { return };
    kill_under_load(Daemon::start(&[("STORE", &valkey.url())]), "Valkey");
}
