//! The Valkey serves, and the way to it is bad: slow, cut at random, or garbage comes out of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::support::daemon::Daemon;
use crate::support::ledger::Figures;
use crate::support::load::{Allowed, Load};
use crate::support::relay::{Fate, Relay, Way};
use crate::support::role::Kvsock;
use crate::support::valkey::Setup;
use crate::{rounds, show, until};

/// What is done to a piece; one that is left as it is does not count.
type Fault = fn(&mut StdRng, Way, &[u8]) -> Fate;

/// A relay that does wrong to one piece, at random, whenever it was told to.
pub(crate) struct Faulty {
    relay: Relay,
    is_due: Arc<AtomicBool>,
}

impl Faulty {
    /// `start` starts a relay with the rule that it is given.
    pub(crate) fn start(
        start: impl FnOnce(Box<dyn Fn(Way, &[u8]) -> Fate + Send + Sync>) -> Relay,
        fault: Fault,
    ) -> Faulty {
        let seed = std::env::var("KVSOCK_TEST_SEED")
            .map_or_else(|_| rand::random(), |text| text.parse().expect("a number"));
        show(&format!("KVSOCK_TEST_SEED={seed}"));
        let rng = Mutex::new(StdRng::seed_from_u64(seed));
        let is_due = Arc::new(AtomicBool::new(false));
        let due = Arc::clone(&is_due);
        let relay = start(Box::new(move |way, piece| {
            let mut rng = rng.lock().expect("no thread panicked");
            if !due.load(Ordering::Relaxed) || rng.random() {
                return Fate::Pass;
            }
            let fate = fault(&mut rng, way, piece);
            if fate != Fate::Pass {
                due.store(false, Ordering::Relaxed);
            }
            fate
        }));
        Faulty { relay, is_due }
    }

    /// Lets so many faults come to the daemon, each when the load goes on again after the one
    /// before.
    fn harm(&self, daemon: &dyn Kvsock, count: u64) -> Figures {
        let load = Load::start(&daemon.socket(), "k", Allowed::default());
        for _ in 0..count {
            load.go_on_by(5);
            self.is_due.store(true, Ordering::Relaxed);
            until("the fault", || !self.is_due.load(Ordering::Relaxed));
        }
        load.go_on_by(5);
        load.finish()
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

/// The connection ends somewhere in the piece.
pub(crate) const CUT: Fault = |rng, _, piece| Fate::Cut(rng.random_range(0..=piece.len()));

/// The daemon's way to its store is `faulty`, by [`CUT`].
pub(crate) fn outlives_cuts(daemon: &dyn Kvsock, faulty: &Faulty, count: u64) {
    let figures = faulty.harm(daemon, count);
    show(&format!("{} connections, all but one cut: {figures}", faulty.relay.made()));
    assert!(figures.unknown > 0, "no cut hit a write: {figures}");
    assert_eq!(figures.unavailable, 0, "the store was never away for long: {figures}");
}

#[test]
fn connections_closed_at_random_lose_nothing() {
    let Some(valkey) = Setup::default().start() else { return };
    let faulty = Faulty::start(|rule| Relay::start(&valkey.socket(), rule), CUT);
    let daemon = Daemon::start(&[("STORE", &faulty.relay.url()), ("STORE_TIMEOUT", "20s")]);
    outlives_cuts(&daemon, &faulty, rounds(20));
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

/// Of that something comes in place of a reply, or before it.
pub(crate) const SPOIL: Fault = |rng, way, piece| {
    let garbage = GARBAGE.choose(rng).expect("eight").to_vec();
    match (way, rng.random()) {
        (Way::ToServer, _) => Fate::Pass,
        (Way::ToDaemon, true) => Fate::Instead(garbage),
        // What is right may well follow.
        (Way::ToDaemon, false) => Fate::Instead([&garbage, piece].concat()),
    }
};

/// The daemon's way to its store is `faulty`, by [`SPOIL`].
pub(crate) fn outlives_garbage(daemon: &dyn Kvsock, faulty: &Faulty, count: u64) {
    let figures = faulty.harm(daemon, count);
    show(&format!("garbage on all but one of {} connections: {figures}", faulty.relay.made()));
    assert!(figures.unknown > 0, "no garbage hit a write: {figures}");
}

#[test]
fn garbage_from_the_store_reaches_no_client() {
    let Some(valkey) = Setup::default().start() else { return };
    let faulty = Faulty::start(|rule| Relay::start(&valkey.socket(), rule), SPOIL);
    let daemon = Daemon::start(&[("STORE", &faulty.relay.url()), ("STORE_TIMEOUT", "20s")]);
    outlives_garbage(&daemon, &faulty, rounds(20));
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

#[test]
fn a_reply_that_nobody_asked_for_among_kvsocks_own_is_found_out() {
    let Some(valkey) = Setup::default().start() else { return };
    // Only the index of `last` is answered by two numbers; others' replies may be in the same piece.
    let is_index = |part: &[u8]| part.starts_with(b":") && part.ends_with(b"\r\n:0\r\n");
    let relay = Relay::start(&valkey.socket(), move |way, piece| {
        let index = piece.windows(b":1\r\n:0\r\n".len()).position(is_index);
        match index.filter(|_| way == Way::ToDaemon) {
            Some(at) => Fate::Instead([&piece[..at], b"$5\r\nwrong\r\n", &piece[at..]].concat()),
            None => Fate::Pass,
        }
    });
    let daemon = Daemon::start(&[("STORE", &relay.url())]);
    let mut client = daemon.connect();
    assert_eq!(client.ask("set k right"), "OK");
    until("the index meets it, three times", || {
        assert_eq!(client.ask("get k"), "right");
        relay.made() > 3
    });
    assert_eq!(client.ask("get k"), "right");
}
