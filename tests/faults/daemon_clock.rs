//! The daemon's clock steps back and forth, as libfaketime has it: the daemon's own, not that of
//! this computer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::show;
use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::support::role::Kvsock;
use crate::support::valkey::Setup;
use crate::support::wire::client::Client;

/// A clock that a test sets.
pub(crate) struct Clock {
    pub(crate) library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    /// One that goes by this file. `None`, said on standard error, where there is no libfaketime
    /// and none was promised.
    pub(crate) fn by(offset: PathBuf) -> Option<Clock> {
        let Some(library) = library() else {
            let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
            assert!(!required, "no libfaketime, which KVSOCK_TEST_REQUIRE=1 asks for");
            eprintln!("not run: libfaketime is not installed");
            return None;
        };
        let clock = Clock { library, offset };
        clock.set("+0");
        Some(clock)
    }

    /// Lets the daemon have one when it is started next.
    fn beside(daemon: &mut Daemon) -> Option<Clock> {
        let clock = Clock::by(daemon.dir().join("offset"))?;
        daemon.also(Clock::environment(
            clock.library.to_str().expect("UTF-8"),
            clock.offset.to_str().expect("UTF-8"),
        ));
        Some(clock)
    }

    /// What a daemon goes by it with that finds its library and its file here. The monotonic clock
    /// is the computer's.
    pub(crate) fn environment<'a>(library: &'a str, offset: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", offset),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    /// Sets it to the right time and so much: `-1h`.
    fn set(&self, offset: &str) {
        // In one step: a file that is empty for a moment would be the right time.
        let new = self.offset.with_extension("new");
        fs::write(&new, format!("{offset}\n")).expect("a file");
        fs::rename(new, &self.offset).expect("a file");
    }
}

/// As Debian's package has it, for whatever architecture.
fn library() -> Option<PathBuf> {
    let of_architectures = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    let libraries = of_architectures.map(|dir| dir.path().join("faketime/libfaketime.so.1"));
    libraries.into_iter().find(|library| Path::is_file(library))
}

/// Unix time as the daemon has it, in seconds.
fn time(client: &mut Client) -> u64 {
    let key = client.ask("txkey");
    let micros = kvsock::command::keygen::txkey_time(key.as_bytes()).expect("a key");
    micros / 1_000_000
}

fn ttl(client: &mut Client, key: &str) -> i64 {
    client.ask(&format!("ttl {key}")).parse().expect("a number")
}

fn uptime(client: &mut Client) -> f64 {
    let status: serde_json::Value = serde_json::from_str(&client.ask("status json")).expect("JSON");
    status["uptime_seconds"].as_f64().expect("a number")
}

/// The daemon, which runs, has no other clock.
fn goes_by(daemon: &dyn Kvsock, clock: &Clock) {
    clock.set("+48h");
    let ahead = time(&mut daemon.connect());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs();
    let off = Duration::from_secs(ahead.abs_diff(now + 48 * 3600));
    assert!(off < Duration::from_secs(60), "{off:?}");
}

/// Starts the daemon, and its clock steps under load.
fn steps(daemon: &mut dyn Kvsock, clock: &Clock, what: &str) {
    let start = Instant::now();
    daemon.launch();
    goes_by(daemon, clock);
    let mut client = daemon.connect();
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    let mut keys = vec![client.ask("txkey")];
    let mut last = Vec::new();
    for (number, step) in ["+0", "-1h", "+0", "+1h", "-48h", "+0"].into_iter().enumerate() {
        clock.set(step);
        // In the order of setting, not of the clock.
        assert_eq!(client.ask(&format!("set step{number} {step}")), "OK");
        last.push(format!("step{number}:{step}"));
        for _ in 0..50 {
            keys.push(client.ask("txkey"));
        }
        load.go_on();
        let found = client.ask("last 1000");
        let found: Vec<&str> = found.split(' ').filter(|pair| pair.starts_with("step")).collect();
        assert_eq!(found, last, "after {step}");
    }
    assert!(keys.is_sorted_by(|one, next| one < next), "each key is greater than those before");
    assert_eq!(keys.len(), 301);
    clock.set("-1h");
    let up = uptime(&mut client);
    assert!((0.0..=start.elapsed().as_secs_f64()).contains(&up), "up for {up}");
    load.go_on();
    let figures = load.finish();
    show(&format!("the clock of kvsockd on {what} stepped: {figures}"));
    assert_eq!(figures.done, figures.all(), "{figures}");
}

/// A daemon that starts while the clock is behind knows what was set before.
fn starts_behind(daemon: &mut dyn Kvsock, clock: &Clock) {
    daemon.stop();
    clock.set("-2h");
    daemon.launch();
    assert_eq!(daemon.ask("set newest v"), "OK");
    assert_eq!(daemon.ask("last 1"), "newest:v");
    // Killed, it would leave what libfaketime has in shared memory.
    daemon.stop();
}

/// The daemon has this clock, an embedded store, and a `KVSOCK_CLIENT_TIMEOUT` of half an hour.
pub(crate) fn outlives_steps_with_the_embedded_store(daemon: &mut dyn Kvsock, clock: &Clock) {
    steps(daemon, clock, "the embedded store");
    // Keys expire by the clock.
    clock.set("+0");
    let mut client = daemon.connect();
    assert_eq!(client.ask("setex short 100 v"), "OK");
    clock.set("-1h");
    assert!(ttl(&mut client, "short") > 3600, "it lasts as long as the clock says");
    clock.set("+0");
    assert!((90..=100).contains(&ttl(&mut client, "short")));
    clock.set("+1h");
    assert_eq!(client.ask("get short"), "(nil)");
    starts_behind(daemon, clock);
}

/// The same with a Valkey that has the computer's clock.
pub(crate) fn outlives_steps_with_valkey(daemon: &mut dyn Kvsock, clock: &Clock) {
    steps(daemon, clock, "Valkey");
    // Keys expire by the clock of Valkey.
    clock.set("+0");
    let mut client = daemon.connect();
    assert_eq!(client.ask("setex short 100 v"), "OK");
    clock.set("+1h");
    assert_eq!(client.ask("get short"), "v");
    assert!((90..=100).contains(&ttl(&mut client, "short")));
    starts_behind(daemon, clock);
}

#[test]
fn a_clock_that_steps_disturbs_nobody_with_the_embedded_store() {
    let mut daemon = Daemon::stopped(&[("CLIENT_TIMEOUT", "30min")]);
    let Some(clock) = Clock::beside(&mut daemon) else { return };
    outlives_steps_with_the_embedded_store(&mut daemon, &clock);
}

#[test]
fn a_clock_that_steps_disturbs_nobody_with_valkey() {
    let Some(valkey) = Setup::default().start() else { return };
    let settings = [("STORE", &*valkey.url()), ("CLIENT_TIMEOUT", "30min")];
    let mut daemon = Daemon::stopped(&settings);
    let Some(clock) = Clock::beside(&mut daemon) else { return };
    outlives_steps_with_valkey(&mut daemon, &clock);
}
