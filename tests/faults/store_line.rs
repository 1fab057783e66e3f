//! The Valkey serves, and the way to it is bad: slow, cut at random, or garbage comes out of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::support::relay::{Fate, Relay, Way};
use crate::support::valkey::{Setup, Valkey};
use crate::{rounds, show, until};

/// A relay that does wrong to one piece, at random, whenever it was told to.
struct Faulty {
    relay: Relay,
    is_due: Arc<AtomicBool>,
}

impl Faulty {
    /// `fault` may leave a piece as it is, and then gets the next.
    fn start(
        valkey: &Valkey,
        fault: impl Fn(&mut StdRng, Way, &[u8]) -> Fate + Send + Sync + 'static,
    ) -> Faulty {
        let seed = std::env::var("KVSOCK_TEST_SEED")
            .map_or_else(|_| rand::random(), |text| text.parse().expect("a number"));
        show(&format!("KVSOCK_TEST_SEED={seed}"));
        let rng = Mutex::new(StdRng::seed_from_u64(seed));
        let is_due = Arc::new(AtomicBool::new(false));
        let due = Arc::clone(&is_due);
        let relay = Relay::start(&valkey.socket(), move |way, piece| {
            let mut rng = rng.lock().expect("no thread panicked");
            if !due.load(Ordering::Relaxed) || rng.random() {
                return Fate::Pass;
            }
            let fate = fault(&mut rng, way, piece);
            if fate != Fate::Pass {
                due.store(false, Ordering::Relaxed);
            }
            fate
        });
        Faulty { relay, is_due }
    }

    /// Lets so many faults come, each when the load goes on again after the one before.
    fn times(&self, count: u64, load: &Load) {
        for _ in 0..count {
            load.go_on_by(5);
            self.is_due.store(true, Ordering::Relaxed);
            until("the fault", || !self.is_due.load(Ordering::Relaxed));
        }
        load.go_on_by(5);
    }
}

#[test]
fn a_slow_store_makes_every_reply_late_and_none_wrong() {
    let Some(valkey) = Setup::default().start() else { return };
    let relay = Relay::start(&valkey.socket(), |way, _| match way {
        Way::ToServer => Fate::Pass,
        Way::ToDaemon => Fate::Late(Duration::from_millis(100)),
    });
    let daemon = Daemon::start(&[("STORE", &relay.url()), ("STORE_TIMEOUT", "20s")]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    for _ in 0..rounds(2) {
        load.go_on_by(1);
    }
    let figures = load.finish();
    show(&format!("each reply 100 ms late: {figures}"));
    assert_eq!(figures.done, figures.all(), "{figures}");
    assert_eq!(relay.made(), 1, "no connection was given up");
}

#[test]
fn connections_closed_at_random_lose_nothing() {
    let Some(valkey) = Setup::default().start() else { return };
    let faulty =
        Faulty::start(&valkey, |rng, _, piece| Fate::Cut(rng.random_range(0..=piece.len())));
    let daemon = Daemon::start(&[("STORE", &faulty.relay.url()), ("STORE_TIMEOUT", "20s")]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    faulty.times(rounds(20), &load);
    let figures = load.finish();
    show(&format!("{} connections, all but one cut: {figures}", faulty.relay.made()));
    assert!(figures.unknown > 0, "no cut hit a write: {figures}");
    assert_eq!(figures.unavailable, 0, "the store was never away for long: {figures}");
}

/// What is no RESP, whatever is expected.
const GARBAGE: [&[u8]; 8] = [
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    b"\x00\x01\x02\xff\xfe\r\n",
    b"$abc\r\nabc\r\n",
    b"$3\r\nabcdef\r\n",
    b":12x\r\n",
    b"*1\r\n?\r\n",
    b"\r\n",
    b"*2\r\n$1\r\na\r\n!\r\n",
];

#[test]
fn garbage_from_the_store_reaches_no_client() {
    let Some(valkey) = Setup::default().start() else { return };
    let faulty = Faulty::start(&valkey, |rng, way, piece| {
        let garbage = GARBAGE.choose(rng).expect("eight").to_vec();
        match (way, rng.random()) {
            (Way::ToServer, _) => Fate::Pass,
            (Way::ToDaemon, true) => Fate::Instead(garbage),
            // What is right may well follow.
            (Way::ToDaemon, false) => Fate::Instead([&garbage, piece].concat()),
        }
    });
    let daemon = Daemon::start(&[("STORE", &faulty.relay.url()), ("STORE_TIMEOUT", "20s")]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    faulty.times(rounds(20), &load);
    let figures = load.finish();
    show(&format!("garbage on all but one of {} connections: {figures}", faulty.relay.made()));
    assert!(figures.unknown > 0, "no garbage hit a write: {figures}");
}

/// What a broken server may answer EXEC of two commands with.
const EXEC: [&[u8]; 5] =
    [b"*1\r\n+OK\r\n", b"*0\r\n", b"*3\r\n+OK\r\n+OK\r\n+OK\r\n", b"+OK\r\n", b":2\r\n"];

#[test]
fn an_answer_to_exec_that_is_none_is_an_error_and_no_replies_are_made_up() {
    let Some(valkey) = Setup::default().start() else { return };
    let right = b"*2\r\n+OK\r\n+OK\r\n";
    let answers = Arc::new(Mutex::new(EXEC.iter()));
    let relay = Relay::start(&valkey.socket(), move |way, piece| {
        let is_exec = way == Way::ToDaemon && piece.ends_with(right);
        let mut answers = answers.lock().expect("no thread panicked");
        match if is_exec { answers.next() } else { None } {
            Some(answer) => Fate::Instead([&piece[..piece.len() - right.len()], answer].concat()),
            None => Fate::Pass,
        }
    });
    let daemon = Daemon::start(&[("STORE", &relay.url())]);
    let mut client = daemon.connect();
    for (number, answer) in EXEC.iter().enumerate() {
        assert_eq!(client.ask("multi"), "OK");
        assert_eq!(client.ask(&format!("set a {number}")), "QUEUED");
        assert_eq!(client.ask(&format!("set b {number}")), "QUEUED");
        let reply = client.ask("exec");
        show(&format!("EXEC answered {}: {reply}", answer.escape_ascii()));
        assert!(reply.starts_with("ERROR: "), "{reply} to {}", answer.escape_ascii());
        assert_eq!(client.ask("get b"), number.to_string(), "the next reply is its own");
    }
}

#[test]
fn a_reply_that_nobody_asked_for_is_nobodys() {
    let Some(valkey) = Setup::default().start() else { return };
    let relay = Relay::start(&valkey.socket(), |way, piece| {
        if way == Way::ToDaemon && piece == b"$5\r\nfirst\r\n" {
            Fate::Instead([piece, b"$5\r\nwrong\r\n"].concat())
        } else {
            Fate::Pass
        }
    });
    let daemon = Daemon::start(&[("STORE", &relay.url())]);
    let mut client = daemon.connect();
    assert_eq!(client.ask("set k first"), "OK");
    for number in 0..20 {
        assert_eq!(client.ask("get k"), "first");
        assert_eq!(client.ask(&format!("set other {number}")), "OK");
        assert_eq!(client.ask("get other"), number.to_string());
    }
}
