//! Writers, through the daemon and at the server itself, against readers of the near cache. Each
//! value is the number of the write that made it, and every answer is checked:
//!
//! - nobody is answered with a value older than one that any client of the daemon was told of before
//!   the question;
//! - nor with one older than what was written at the server a second before the question, or, once
//!   the store was asked after the write, with one older than that;
//! - of one batch, later answers are no older than earlier ones.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::subject::Subject;
use crate::support::daemon::PATIENCE;
use crate::support::relay::{Fate, Way};
use crate::support::valkey::Setup;
use crate::support::wire::textual::{Protocol, Wire};

const KEYS: usize = 48;
/// Who reads and writes through the daemon; each is a connection.
const READERS: u64 = 4;
const WRITERS: u64 = 2;
/// What was told at the server is known to the daemon after so long.
const SILENCE: Duration = Duration::from_secs(1);

pub(crate) fn seconds() -> u64 {
    std::env::var("KVSOCK_TEST_SECONDS").map_or(3, |text| text.parse().expect("a number"))
}

/// What is known of one key.
#[derive(Debug, Default)]
struct Key {
    /// The newest value that a client of the daemon was told.
    told: AtomicU64,
    /// Values that were told at the server, and when.
    outside: Mutex<VecDeque<(Instant, u64)>>,
    /// The newest of those that are long ago.
    settled: AtomicU64,
}

impl Key {
    /// The oldest value that may be answered to a question that is asked now.
    fn floor(&self) -> u64 {
        let now = Instant::now();
        let mut outside = self.outside.lock().expect("no thread panicked");
        while let Some((at, value)) = outside.front()
            && *at + SILENCE < now
        {
            self.settled.fetch_max(*value, Ordering::SeqCst);
            outside.pop_front();
        }
        self.told.load(Ordering::SeqCst).max(self.settled.load(Ordering::SeqCst))
    }

    fn is_told(&self, value: u64) {
        self.told.fetch_max(value, Ordering::SeqCst);
    }
}

#[derive(Debug, Default)]
struct Race {
    keys: Vec<Key>,
    is_over: AtomicBool,
    answers: AtomicU64,
    failures: AtomicU64,
}

impl Race {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// The answer as a number, unless the store was away.
    fn number(&self, answer: &str) -> Option<u64> {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if answer.starts_with("ERROR: store ") {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(if answer == "(nil)" { 0 } else { answer.parse().expect(answer) })
    }

    /// One batch of questions, most of them of few keys; writers change something in it.
    fn batch(&self, wire: &mut Wire, rng: &mut StdRng, writes: bool) {
        let depth = if rng.random_bool(0.5) { 1 } else { rng.random_range(2..=16) };
        let mut numbers: Vec<(usize, bool)> = (0..depth)
            .map(|_| {
                let few = rng.random_bool(0.7);
                (rng.random_range(0..if few { 4 } else { KEYS }), false)
            })
            .collect();
        if writes {
            let place = rng.random_range(0..numbers.len());
            numbers[place] = (rng.random_range(0..KEYS), true);
        }
        let mut floors: Vec<u64> = (0..KEYS).map(|number| self.keys[number].floor()).collect();
        let requests: Vec<String> = numbers
            .iter()
            .map(|(number, is_write)| {
                format!("{} k{number}", if *is_write { "INCR" } else { "GET" })
            })
            .collect();
        wire.send(&requests).expect("the daemon reads");
        for (number, is_write) in numbers {
            let answer = wire.reply().expect("the daemon answers");
            let Some(value) = self.number(&answer) else { continue };
            let floor = floors[number] + u64::from(is_write);
            assert!(value >= floor, "k{number} is {value} after {floor} (write: {is_write})");
            floors[number] = value;
            self.keys[number].is_told(value);
        }
    }

    /// Writes in a transaction, on the shared connection or, where something is watched, another.
    fn transaction(&self, wire: &mut Wire, rng: &mut StdRng) {
        let number = rng.random_range(0..KEYS);
        let watched = rng.random_bool(0.5);
        let floor = self.keys[number].floor();
        let mut requests = vec!["MULTI".to_owned(), format!("INCR k{number}"), "EXEC".to_owned()];
        if watched {
            requests.insert(0, "WATCH unrelated".to_owned());
        }
        wire.send(&requests).expect("the daemon reads");
        let answers = requests.iter().map(|_| wire.reply().expect("the daemon answers"));
        let last = answers.last().expect("EXEC's");
        if last == "(nil)" {
            // The watch was lost with its connection.
            self.failures.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Some(value) = self.number(&last) else { return };
        assert!(value > floor, "k{number} is {value} after {floor} (EXEC)");
        self.keys[number].is_told(value);
    }

    fn client(&self, socket: &Path, number: u64, writes: bool) {
        let protocols = [Protocol::Text, Protocol::Resp2, Protocol::Resp3];
        let protocol = protocols[usize::try_from(number).expect("few") % protocols.len()];
        let mut rng = StdRng::seed_from_u64(number);
        let mut wire = Wire::connect(socket, protocol).expect("the daemon listens");
        while self.goes_on() {
            if writes && protocol != Protocol::Text && rng.random_bool(0.2) {
                self.transaction(&mut wire, &mut rng);
            }
            // Writers wait for each other's values to be known, now and then.
            let writes = writes && rng.random_bool(0.2);
            self.batch(&mut wire, &mut rng, writes);
        }
    }

    /// Writes at the server itself, and at times asks the daemon's store after that.
    fn outsider(&self, server: &Path, daemon: &Path, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut wire = Wire::connect(daemon, Protocol::Text).expect("the daemon listens");
        let mut own = Wire::connect(server, Protocol::Resp2).expect("the server listens");
        while self.goes_on() {
            let number = rng.random_range(0..KEYS);
            let key = &self.keys[number];
            own.send(&[format!("INCR k{number}")]).expect("the server reads");
            let value = own.reply().expect("the server answers").parse().expect("a number");
            let mut outside = key.outside.lock().expect("no thread panicked");
            outside.push_back((Instant::now(), value));
            drop(outside);
            for _ in 0..rng.random_range(0..40) {
                own.send(&["PING".to_owned()]).expect("the server reads");
                own.reply().expect("the server answers");
            }
            if rng.random_bool(0.3) {
                wire.send(&["pingdb".to_owned()]).expect("the daemon reads");
                if wire.reply().expect("the daemon answers") == "PONG" {
                    key.is_told(value);
                }
            }
        }
    }
}

/// Runs the race, with `trouble` besides until it is over.
fn run(subject: &Subject, trouble: impl FnOnce(&dyn Fn() -> bool)) {
    let race = Race { keys: (0..KEYS).map(|_| Key::default()).collect(), ..Race::default() };
    let (daemon, server) = (subject.daemon.socket(), subject.valkey.socket());
    // A failed check is to end all.
    let guarded = |work: &dyn Fn()| {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Err(panic) = done {
            race.is_over.store(true, Ordering::Relaxed);
            std::panic::resume_unwind(panic);
        }
    };
    let (race, daemon, server, guarded) = (&race, &*daemon, &*server, &guarded);
    std::thread::scope(|scope| {
        for number in 0..READERS + WRITERS {
            scope.spawn(move || guarded(&|| race.client(daemon, number, number >= READERS)));
        }
        for seed in 100..102 {
            scope.spawn(move || guarded(&|| race.outsider(server, daemon, seed)));
        }
        let end = Instant::now() + Duration::from_secs(seconds());
        // On a busy machine it takes longer until there is a race.
        let last = end + PATIENCE;
        let goes_on = || {
            let now = Instant::now();
            race.goes_on() && (now < end || now < last && !subject.figures().are_many())
        };
        trouble(&goes_on);
        while goes_on() {
            std::thread::sleep(Duration::from_millis(10));
        }
        race.is_over.store(true, Ordering::Relaxed);
    });
    let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let figures = subject.figures();
    println!(
        "{} answers, {} failures; {} known, {} asked for",
        read(&race.answers),
        read(&race.failures),
        figures.hits,
        figures.misses
    );
    assert!(figures.are_many(), "no race");
    assert_eq!(subject.daemon.ask("pingdb"), "PONG");
    for number in 0..KEYS {
        let stored = subject.valkey.command(&["GET", &format!("k{number}")]);
        let answer = subject.daemon.ask(&format!("get k{number}"));
        let truth = match stored {
            redis::Value::BulkString(bytes) => String::from_utf8(bytes).expect("a number"),
            _ => "(nil)".to_owned(),
        };
        assert_eq!(answer, truth, "k{number}");
    }
}

#[test]
fn every_answer_of_a_race_is_as_new_as_what_was_told() {
    let Some(subject) = Subject::plain() else { return };
    run(&subject, |_| {});
}

#[test]
fn every_answer_is_as_new_where_several_threads_serve() {
    let settings = [("WORKERS", "3")];
    let Some(subject) = Subject::start(Setup::default(), &settings, |_, _| Fate::Pass) else {
        return;
    };
    run(&subject, |_| {});
}

#[test]
fn every_answer_is_as_new_over_a_slow_line() {
    let slow = |way: Way, _: &[u8]| {
        if way == Way::ToDaemon { Fate::Late(Duration::from_millis(2)) } else { Fate::Pass }
    };
    let Some(subject) = Subject::start(Setup::default(), &[("KEY_PREFIX", "")], slow) else {
        return;
    };
    run(&subject, |_| {});
}

#[test]
fn every_answer_is_as_new_when_connections_end() {
    let Some(subject) = Subject::plain() else { return };
    let mut cuts = 0;
    run(&subject, |goes_on| {
        while goes_on() {
            std::thread::sleep(Duration::from_millis(100));
            subject.relay.cut();
            cuts += 1;
        }
    });
    println!("{cuts} times all connections to the server were cut");
    assert!(cuts > 2);
}

#[test]
fn every_answer_is_as_new_when_the_server_forgets_what_was_read() {
    let settings = vec![["tracking-table-max-keys", "10"]];
    let setup = Setup { settings, ..Setup::default() };
    let Some(subject) = Subject::start(setup, &[], |_, _| Fate::Pass) else { return };
    run(&subject, |_| {});
}
