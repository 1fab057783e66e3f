//! One run: clients at work while faults come, and then the check of all that they saw.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::checker::{Call, Violation, check};
use crate::client::Record;
use crate::load::{Keys, Load};
use crate::pace::Pace;
use crate::subject::{Engine, Fault, Subject};
use crate::support::daemon::PATIENCE;

/// Two of each protocol.
const CLIENTS: usize = 6;
/// Answers for which the run goes on before the first fault: enough to tell how fast they come.
const CALM: u64 = 100 * CLIENTS as u64;
/// As many times something is wrong in the end where it is to be found out.
const LIES: u64 = 40;
/// Calls before the one that cannot be that a report shows.
const SHOWN: usize = 25;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) engine: Engine,
    pub(crate) seed: u64,
    /// How long faults come.
    pub(crate) time: Duration,
    /// Instead of the faults, the Valkey lies.
    pub(crate) is_lied_to: bool,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// Answers a second, of all clients together, before the first fault.
    pub(crate) calm: f64,
    /// The same between the faults: how long a fault takes says more of the machine.
    pub(crate) between: f64,
    pub(crate) answered: u64,
    pub(crate) not_done: u64,
    pub(crate) unknown: u64,
    pub(crate) abandoned: u64,
    pub(crate) connections: u64,
    pub(crate) keys: usize,
    /// The most configurations that the check had to look at together.
    pub(crate) configurations: usize,
    /// Keys whose history is not linearizable.
    pub(crate) violations: Vec<String>,
}

impl Plan {
    pub(crate) fn run(&self, mut subject: Subject) -> Findings {
        let (start, keys) = (Instant::now(), Arc::new(Keys::default()));
        let is_over = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(AtomicU64::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let mut client = subject.client(number, start);
                let mut load = Load::new(self.seed, number);
                let (keys, is_over) = (Arc::clone(&keys), Arc::clone(&is_over));
                let answers = Arc::clone(&answers);
                std::thread::spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        let before = client.record.answered;
                        load.step(&mut client, &keys);
                        answers.fetch_add(client.record.answered - before, Ordering::Relaxed);
                    }
                    client.record
                })
            })
            .collect();
        let has_ended = || clients.iter().any(JoinHandle::is_finished);
        let (mut calm, mut between) = (Pace::new(&answers), Pace::new(&answers));
        calm.during(|| {
            let is_calm = || answers.load(Ordering::Relaxed) < CALM && !has_ended();
            while is_calm() && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let begun = Instant::now();
        let has_passed = || begun.elapsed() >= self.time || has_ended();
        let faults = if self.is_lied_to {
            while !has_passed() || (subject.lies() < LIES && start.elapsed() < PATIENCE) {
                std::thread::sleep(Duration::from_millis(10));
            }
            BTreeMap::new()
        } else {
            subject.suffer_until(has_passed, self.seed, &mut between)
        };
        is_over.store(true, Ordering::Relaxed);
        let (calm, between) = (calm.a_second(), between.a_second());
        let mut findings = Findings { faults, calm, between, ..Findings::default() };
        let mut histories: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for client in clients {
            findings.take(client.join().expect("a client saw no wrong reply"), &mut histories);
        }
        // What is there in the end was acknowledged or is of unknown outcome.
        let mut reader = subject.client(CLIENTS, start);
        for key in histories.keys() {
            reader.read(key);
        }
        findings.take(reader.record, &mut histories);
        findings.check(&histories, self.engine.lateness());
        findings
    }
}

impl Findings {
    fn take(&mut self, record: Record, histories: &mut BTreeMap<String, Vec<Call>>) {
        self.answered += record.answered;
        self.not_done += record.not_done;
        self.unknown += record.unknown;
        self.abandoned += record.abandoned;
        self.connections += record.connections;
        for (key, call) in record.calls {
            histories.entry(key).or_default().push(call);
        }
    }

    fn check(&mut self, histories: &BTreeMap<String, Vec<Call>>, lateness: u64) {
        self.keys = histories.len();
        for (key, history) in histories {
            match check(history, lateness) {
                Ok(most) => self.configurations = self.configurations.max(most),
                Err(violation) => self.violations.push(report(key, history, &violation)),
            }
        }
    }

    /// The figures, in one line.
    pub(crate) fn summary(&self) -> String {
        let faults: Vec<String> =
            self.faults.iter().map(|(fault, count)| format!("{fault:?} {count}")).collect();
        format!(
            "{} requests answered, {:.0} a second before the faults and {:.0} between them, {} not done, {} of unknown outcome (after {} of them the \
             client left), over {} connections; \
             {} keys checked, {} configurations at most; faults: {}",
            self.answered,
            self.calm,
            self.between,
            self.not_done,
            self.unknown,
            self.abandoned,
            self.connections,
            self.keys,
            self.configurations,
            faults.join(", ")
        )
    }
}

fn report(key: &str, history: &[Call], violation: &Violation) -> String {
    let wrong = &history[violation.call];
    let wrong_end = wrong.end.as_ref().map_or(u64::MAX, |(end, _)| *end);
    let mut before: Vec<&Call> = history.iter().filter(|call| call.begin <= wrong_end).collect();
    before.sort_by_key(|call| call.end.as_ref().map_or(u64::MAX, |(end, _)| *end));
    let (unknown, mut known): (Vec<&Call>, Vec<&Call>) =
        before.into_iter().partition(|call| call.end.is_none());
    let hidden = known.len().saturating_sub(SHOWN);
    known.drain(..hidden);
    let mut text = format!("{key} is not linearizable at {wrong:?}\n");
    let _ = writeln!(text, "  it may have been one of {:?}", violation.states);
    for call in unknown.into_iter().chain(known) {
        let _ = writeln!(text, "  {call:?}");
    }
    text
}
