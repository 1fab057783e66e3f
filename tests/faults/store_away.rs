//! The Valkey is away: killed, frozen, or not there yet. The daemon stays up, tells so, and serves
//! again by itself.

use std::time::{Duration, Instant};

use crate::support::daemon::Daemon;
use crate::support::ledger::Figures;
use crate::support::load::{Allowed, Load};
use crate::support::role::{Kvsock, Server};
use crate::support::valkey::{Setup, Valkey};
use crate::{rounds, show, until};

/// What it acknowledges is on disk, so that it may be killed.
fn durable() -> Option<Valkey> {
    Setup { durable: true, ..Setup::default() }.start()
}

/// Waits until the daemon has seen that its store is there, or is not.
fn until_store_is(daemon: &dyn Kvsock, state: &str) {
    until(state, || daemon.ask("status").contains(&format!("({state}")));
}

#[test]
fn a_daemon_whose_store_is_down_is_up_and_serves_when_the_store_is_back() {
    let Some(mut valkey) = durable() else { return };
    valkey.kill();
    let secret = format!("{}?user=default&pass=sesame", valkey.url());
    let daemon = Daemon::start(&[("STORE", &secret), ("STORE_TIMEOUT", "500ms")]);
    assert_eq!(daemon.ask("ping"), "pong");
    let start = Instant::now();
    let named = format!("ERROR: store unavailable: {}?db=0: ", valkey.url());
    let reply = daemon.ask("get x");
    assert!(reply.starts_with(&named), "which store, and no user nor password: {reply}");
    for reply in [daemon.ask("cleardb"), daemon.ask("watch x")] {
        assert!(reply.starts_with(&named), "{reply}");
    }
    assert!(start.elapsed() >= Duration::from_millis(500), "it is waited for");
    assert!(daemon.ask("pingdb").starts_with("ERROR: store unavailable: "));
    assert!(daemon.ask("status").contains("(down: "));
    valkey.restart();
    until("it serves again without a restart", || daemon.ask("set x back") == "OK");
    assert_eq!(daemon.ask("get x"), "back");
    assert!(daemon.ask("status").contains("(up)"));
}

#[test]
fn a_valkey_killed_under_load_loses_nothing_and_is_no_error() {
    let Some(mut valkey) = durable() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    let mut kills = 0;
    for _ in 0..rounds(5) {
        load.go_on();
        valkey.kill();
        until_store_is(&daemon, "down: ");
        valkey.restart();
        kills += 1;
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("Valkey killed {kills} times: {figures}"));
    assert_eq!(figures.unavailable, 0, "each outage was shorter than the time-out");
}

#[test]
fn a_valkey_frozen_for_longer_than_the_timeout_is_given_up_and_taken_back() {
    let Some(valkey) = durable() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "300ms")]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    let mut freezes = 0;
    for _ in 0..rounds(3) {
        load.go_on();
        valkey.stop();
        until_store_is(&daemon, "down: ");
        let refused = daemon.ask("get x");
        assert!(refused.starts_with("ERROR: store unavailable: "), "{refused}");
        valkey.cont();
        freezes += 1;
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("Valkey frozen {freezes} times: {figures}"));
    assert!(figures.unknown > 0 && figures.unavailable > 0, "{figures}");
}

#[test]
fn a_valkey_frozen_for_less_than_the_timeout_is_a_pause() {
    let Some(valkey) = durable() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "20s")]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    for _ in 0..rounds(3) {
        load.go_on();
        valkey.stop();
        // The daemon answers by itself meanwhile, and the load stands still.
        let start = Instant::now();
        until("a while", || {
            assert_eq!(daemon.ask("ping"), "pong");
            start.elapsed() > Duration::from_millis(300)
        });
        valkey.cont();
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("Valkey frozen for a while: {figures}"));
    assert_eq!((figures.unavailable, figures.unknown), (0, 0), "{figures}");
}

#[test]
fn a_short_restart_is_a_pause_and_no_error() {
    let Some(mut valkey) = durable() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    let mut client = daemon.connect();
    assert_eq!(client.ask("set k before"), "OK");
    for round in 0..5 {
        valkey.kill();
        // The daemon has seen the end of the connection before the next request comes.
        until_store_is(&daemon, "down: ");
        let waiting = std::thread::spawn({
            let mut other = daemon.connect();
            move || other.ask(&format!("set k {round}"))
        });
        valkey.restart();
        assert_eq!(waiting.join().expect("asked"), "OK");
        assert_eq!(client.ask("get k"), round.to_string());
    }
}

/// The Valkey keeps nothing on the disk, and is restarted.
pub(crate) fn serves_an_empty_one_as_it_is(daemon: &dyn Kvsock, valkey: &mut dyn Server) {
    let mut figures = Figures::default();
    for round in 0..rounds(3) {
        let load = Load::start(&daemon.socket(), &format!("r{round}:"), Allowed::default());
        load.go_on();
        let before = load.finish();
        assert_eq!(before.done, before.all(), "{before}");
        let mut watching = daemon.connect();
        assert_eq!(watching.ask("watch k"), "OK");
        assert_eq!(daemon.ask("set k v"), "OK");
        assert_ne!(daemon.ask("last 10"), "");
        valkey.kill();
        valkey.launch();
        until("the store is there again", || daemon.ask("pingdb") == "PONG");
        // Not one key, nor in the index: what was acknowledged went with the store that had it.
        for name in 0..before.keys {
            assert_eq!(daemon.ask(&format!("exists r{round}:0:{name}")), "0");
        }
        assert_eq!(daemon.ask("dbsize"), "0");
        assert_eq!(daemon.ask("last 10"), "");
        assert_eq!(daemon.ask("incr k"), "1");
        assert_eq!(watching.ask("multi"), "OK");
        assert_eq!(watching.ask("set k lost"), "QUEUED");
        assert_eq!(watching.ask("exec"), "(nil)", "a watch ends with the store");
        assert_eq!(daemon.ask("get k"), "1");
        assert_eq!(daemon.ask("set k new"), "OK");
        assert_eq!(daemon.ask("last 10"), "k:new");
        figures = figures.and(before);
    }
    show(&format!("Valkey restarted empty: {figures}"));
}

#[test]
fn a_valkey_restarted_empty_is_served_as_it_is() {
    let Some(mut valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    serves_an_empty_one_as_it_is(&daemon, &mut valkey);
}
