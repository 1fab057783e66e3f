//! Ten thousand clients while the daemon goes and comes: no connection is closed, every reply is the
//! right one, and it is told how long a client has waited at most.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::connect;
use crate::machine::{Machine, wait_for};
use crate::wire::client::Client;

/// The pause that a client makes between two requests: it is load, and not the most that there can
/// be, for the machine has more to do.
const PAUSE: Duration = Duration::from_millis(10);

/// A figure of a test's size, larger by hand than in a short run.
pub(crate) fn size(variable: &str, short: usize) -> usize {
    std::env::var(variable).map_or(short, |text| text.parse().unwrap())
}

/// How many clients are connected: `KVSOCK_TEST_CLIENTS`, of which `KVSOCK_TEST_LOADED` keep up load.
pub(crate) fn clients() -> (usize, usize) {
    (size("KVSOCK_TEST_CLIENTS", 10_000), size("KVSOCK_TEST_LOADED", 200))
}

/// What the clients that keep up load have seen.
#[derive(Debug, Default)]
pub(crate) struct Load {
    is_over: AtomicBool,
    answered: AtomicUsize,
    longest: Mutex<Duration>,
}

impl Load {
    /// Counts for a key of its own until it is over; every reply has to be the next number.
    fn keep_up(&self, number: usize, client: &mut Client) {
        let mut count = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let start = Instant::now();
            let reply = client.ask(&format!("incr load{number}"));
            let waited = start.elapsed();
            count += 1;
            assert_eq!(reply, count.to_string(), "client {number}");
            self.answered.fetch_add(1, Ordering::Relaxed);
            let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
            *longest = waited.max(*longest);
            drop(longest);
            thread::sleep(PAUSE);
        }
    }

    /// Waits until clients are served, and gives the longest pause since it was last asked for.
    pub(crate) fn longest_pause(&self) -> Duration {
        let before = self.answered.load(Ordering::Relaxed);
        let (_, loaded) = clients();
        wait_for("requests to be answered", || {
            self.answered.load(Ordering::Relaxed) > before + 2 * loaded
        });
        std::mem::take(&mut *self.longest.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ends the load with the test, also with one that fails.
struct End<'a>(&'a Load);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// Lets so many clients wait, and others keep up load, while `what` happens to the daemon. Gives how
/// many requests were answered, all of them rightly.
pub(crate) fn survive(machine: &Machine, idle: usize, what: impl FnOnce(&Load)) -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let (_, loaded) = clients();
    let connect = |count: usize| -> Vec<Client> { (0..count).map(|_| connect(machine)).collect() };
    let mut waiting = connect(idle);
    let ids: Vec<String> = waiting.iter_mut().map(|client| client.ask("client id")).collect();
    let load = Load::default();
    thread::scope(|scope| {
        for (number, mut client) in connect(loaded).into_iter().enumerate() {
            let load = &load;
            scope.spawn(move || load.keep_up(number, &mut client));
        }
        let _end = End(&load);
        what(&load);
    });
    for (client, id) in waiting.iter_mut().zip(ids) {
        assert_eq!(client.ask("client id"), id);
    }
    load.answered.into_inner()
}

/// Some times that were measured, in the order of their length.
#[derive(Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }
}

/// The median and the longest.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(median), Some(longest)) = (self.0.get(self.0.len() / 2), self.0.last()) else {
            return f.write_str("none");
        };
        let [median, longest] = [median, longest].map(Duration::as_millis);
        write!(f, "{median} ms in the median and {longest} ms at most")
    }
}
