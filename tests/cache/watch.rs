//! What is seen or done on another connection than that of the cache: WATCH, EXEC and scripts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::race::seconds;
use crate::subject::{PUSH, Subject, known};
use crate::support::relay::{Fate, Way};
use crate::support::valkey::Setup;
use crate::support::wire::textual::{Protocol, Wire};

/// The server's words that something changed come late, those on other connections do not.
fn with_late_words() -> Option<Subject> {
    let late = |_: Way, piece: &[u8]| {
        let is_push = piece.windows(PUSH.len()).any(|part| part == PUSH);
        if is_push { Fate::Late(Duration::from_millis(200)) } else { Fate::Pass }
    };
    Subject::start(Setup::default(), &[], late)
}

#[test]
fn what_is_got_after_a_watch_is_no_older_than_what_is_watched() {
    let Some(subject) = with_late_words() else { return };
    let mut client = subject.daemon.connect();
    assert_eq!(client.ask("set k old"), "OK");
    assert_eq!(known(&subject, &mut client, "k"), "old");
    subject.outside("SET k new");
    assert_eq!(client.ask("watch k"), "OK");
    assert_eq!(client.ask("get k"), "new");
    assert_eq!(client.ask("multi"), "OK");
    assert_eq!(client.ask("set k mine"), "QUEUED");
    assert_eq!(client.ask("exec"), "OK");
    assert_eq!(client.ask("get k"), "mine");
}

#[test]
fn what_is_got_after_a_transaction_is_no_older_than_what_it_saw() {
    let Some(subject) = with_late_words() else { return };
    let (mut client, mut other) = (subject.daemon.connect(), subject.daemon.connect());
    assert_eq!(client.ask("set k old"), "OK");
    assert_eq!(client.ask("watch unrelated"), "OK");
    assert_eq!(client.ask("multi"), "OK");
    assert_eq!(client.ask("get k"), "QUEUED");
    assert_eq!(client.ask("append l x"), "QUEUED");
    assert_eq!(known(&subject, &mut other, "k"), "old");
    assert_eq!(known(&subject, &mut other, "l"), "(nil)");
    subject.outside("SET k new");
    assert_eq!(client.ask("exec"), "new 1");
    assert_eq!([other.ask("get k"), other.ask("get l")], ["new", "x"]);
}

#[test]
fn what_is_got_after_a_script_is_no_older_than_what_it_saw() {
    let Some(subject) = with_late_words() else { return };
    let (mut client, mut other) = (subject.daemon.connect(), subject.daemon.connect());
    assert_eq!(client.ask("set k old"), "OK");
    assert_eq!(known(&subject, &mut other, "k"), "old");
    assert_eq!(known(&subject, &mut other, "l"), "(nil)");
    subject.outside("SET k new");
    let script = "redis.call('set', 'l', 'made') return redis.call('get', 'k')";
    assert_eq!(client.ask(&format!("eval \"{script}\" 0")), "new");
    assert_eq!([other.ask("get k"), other.ask("get l")], ["new", "made"]);
}

/// Counts by WATCH, GET, MULTI, SET and EXEC, while others count at the server itself.
#[test]
fn no_update_is_lost_between_a_known_value_and_exec() {
    let Some(subject) = Subject::plain() else { return };
    let (is_over, counted) = (AtomicBool::new(false), AtomicU64::new(0));
    let (exchanged, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let daemon = subject.daemon.socket();
    let server = subject.valkey.socket();
    let goes_on = || !is_over.load(Ordering::Relaxed);
    let ask = |wire: &mut Wire, request: &str| {
        wire.send(&[request.to_owned()]).expect("it reads");
        wire.reply().expect("it answers")
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut wire = Wire::connect(&daemon, Protocol::Resp2).expect("a connection");
                while goes_on() {
                    assert_eq!(ask(&mut wire, "WATCH n"), "OK");
                    let seen = ask(&mut wire, "GET n").parse().unwrap_or(0) + 1;
                    ask(&mut wire, "MULTI");
                    ask(&mut wire, &format!("SET n {seen}"));
                    match &*ask(&mut wire, "EXEC") {
                        "OK" => exchanged.fetch_add(1, Ordering::Relaxed),
                        "(nil)" => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
        scope.spawn(|| {
            let mut wire = Wire::connect(&daemon, Protocol::Text).expect("a connection");
            while goes_on() {
                ask(&mut wire, "get n");
            }
        });
        scope.spawn(|| {
            let mut wire = Wire::connect(&server, Protocol::Resp2).expect("a connection");
            while goes_on() {
                ask(&mut wire, "INCR n");
                counted.fetch_add(1, Ordering::Relaxed);
                // Time for the others, who have four round trips to go.
                for _ in 0..50 {
                    ask(&mut wire, "PING");
                }
            }
        });
        std::thread::sleep(Duration::from_secs(seconds()));
        is_over.store(true, Ordering::Relaxed);
    });
    let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let (exchanged, counted) = (read(&exchanged), read(&counted));
    println!("{exchanged} exchanged, {} refused, {counted} counted at the server", read(&refused));
    assert!(exchanged > 0 && counted > 0 && read(&refused) > 0);
    assert_eq!(subject.daemon.ask("get n"), (exchanged + counted).to_string());
    assert!(subject.figures().hits > 0);
}
