//! Values end: when they expire, when the connection does, and when nothing is heard on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::subject::{Subject, known};
use crate::support::daemon::PATIENCE;
use crate::support::relay::Fate;
use crate::support::valkey::Setup;

/// A server that removes nothing by itself does not say that a key has expired.
#[test]
fn an_expired_value_is_not_answered_though_the_server_says_nothing() {
    let settings = vec![["enable-debug-command", "yes"]];
    let setup = Setup { settings, ..Setup::default() };
    let Some(subject) = Subject::start(setup, &[], |_, _| Fate::Pass) else { return };
    subject.outside("DEBUG SET-ACTIVE-EXPIRE 0");
    let mut client = subject.daemon.connect();
    let life = Duration::from_millis(100);
    let mut known_of = [false; 2];
    for round in 0..10 {
        let sets: &[&str] = if round % 2 == 0 {
            &["psetex k 100 v"]
        } else {
            &["set k v", "get k", "pexpire k 100"]
        };
        let hits = subject.figures().hits;
        for set in sets {
            assert!(["OK", "v", "1"].contains(&&*client.ask(set)), "{set}");
        }
        // Valkey keeps a key to the end of its last millisecond.
        let latest = Instant::now() + life + Duration::from_millis(1);
        loop {
            let begin = Instant::now();
            let answer = client.ask("get k");
            if answer == "(nil)" {
                break;
            }
            assert!(begin <= latest, "{answer} {:?} after its end", begin - latest);
        }
        known_of[round % 2] |= subject.figures().hits > hits;
    }
    assert_eq!(known_of, [true; 2], "never known");
    // A shorter life is told as any other change.
    assert_eq!(client.ask("set k v"), "OK");
    assert_eq!(known(&subject, &mut client, "k"), "v");
    subject.outside("PEXPIRE k 1");
    let end = Instant::now() + PATIENCE;
    while client.ask("pingdb") == "PONG" && client.ask("get k") != "(nil)" {
        assert!(Instant::now() < end, "it stays");
    }
}

#[test]
fn a_server_that_lost_its_data_is_believed() {
    let Some(mut subject) = Subject::plain() else { return };
    let mut client = subject.daemon.connect();
    for round in 0..5 {
        assert_eq!(client.ask(&format!("set k {round}")), "OK");
        assert_eq!(known(&subject, &mut client, "k"), round.to_string());
        subject.valkey.restart();
        assert_eq!(client.ask("pingdb"), "PONG");
        assert_eq!(client.ask("get k"), "(nil)");
    }
}

#[test]
fn what_changes_while_there_is_no_connection_is_seen() {
    let Some(subject) = Subject::plain() else { return };
    let mut client = subject.daemon.connect();
    for round in 0..6 {
        assert_eq!(client.ask(&format!("set k {round}")), "OK");
        assert_eq!(known(&subject, &mut client, "k"), round.to_string());
        subject.relay.cut();
        subject.outside("SET k changed");
        assert_eq!(client.ask("pingdb"), "PONG");
        assert_eq!(client.ask("get k"), "changed");
    }
}

/// A connection may die in silence, and then the server's words do not come either.
#[test]
fn a_connection_on_which_nothing_comes_is_not_believed_for_more_than_a_second() {
    let is_dead = Arc::new(AtomicBool::new(false));
    let rule = {
        let is_dead = Arc::clone(&is_dead);
        move |_, _: &[u8]| if is_dead.load(Ordering::SeqCst) { Fate::Lost } else { Fate::Pass }
    };
    let settings = [("STORE_TIMEOUT", "2s")];
    let Some(subject) = Subject::start(Setup::default(), &settings, rule) else { return };
    let mut client = subject.daemon.connect();
    assert_eq!(client.ask("set k v"), "OK");
    assert_eq!(known(&subject, &mut client, "k"), "v");
    is_dead.store(true, Ordering::SeqCst);
    let died = Instant::now();
    let mut last = Duration::ZERO;
    loop {
        let begin = Instant::now();
        let answer = client.ask("get k");
        if answer.starts_with("ERROR: store unavailable") {
            break;
        }
        assert_eq!(answer, "v");
        last = begin - died;
    }
    println!("the last answer was asked for {last:?} after the connection died");
    assert!(last < Duration::from_secs(1), "{last:?}");
    is_dead.store(false, Ordering::SeqCst);
    let end = Instant::now() + PATIENCE;
    while client.ask("get k") != "v" {
        assert!(Instant::now() < end, "the store does not come back");
    }
}
