//! What is put to the test: a daemon under a service manager, the test's own or systemd, and its
//! Valkey behind a relay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;

use crate::client::Client;
use crate::liar::{Liar, Lie};
use crate::machine::Machine;
use crate::manager::{Interruptions, Manager};
use crate::pace::Pace;
use crate::support::relay::{Fate, Relay, Way};
use crate::support::role::{Kvsock, Server};
use crate::support::valkey::Setup;
use crate::unit::{EMBEDDED, KvsockUnit, RELAYED, ValkeyUnit};

/// How long the daemon waits for Valkey.
const STORE_TIMEOUT: &str = "700ms";

/// Where the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Valkey,
    /// With a near cache.
    CachedValkey,
    Embedded,
}

impl Engine {
    /// Threads that serve, where they are not those of the packages.
    fn workers(self) -> &'static str {
        if self == Engine::Valkey { "1" } else { "2" }
    }

    /// For how long what has expired may be found, in nanoseconds: while the embedded store syncs.
    pub(crate) fn lateness(self) -> u64 {
        match self {
            Engine::Valkey | Engine::CachedValkey => 0,
            Engine::Embedded => 2_000_000_000,
        }
    }

    /// The size of its near cache.
    fn cache(self) -> &'static str {
        if self == Engine::CachedValkey { "64KiB" } else { "0" }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    DaemonKilled,
    /// As `systemctl stop` does, and started again.
    DaemonStopped,
    /// As `systemctl restart` does: no connection ends.
    DaemonRestarted,
    DaemonFrozen,
    ValkeyKilled,
    /// For less than the daemon waits.
    ValkeyFrozen,
    /// For longer.
    ValkeyFrozenLong,
    /// Everything comes late.
    ValkeySlow,
    ConnectionsCut,
    /// In the middle of a request or of a reply.
    ConnectionsTorn,
    /// Valkey carries out what it is sent, and its replies are lost with the connection.
    RepliesLost,
}

const ALWAYS: [Fault; 5] = [
    Fault::DaemonKilled,
    Fault::DaemonStopped,
    // The promise of its own: as often as the two others.
    Fault::DaemonRestarted,
    Fault::DaemonRestarted,
    Fault::DaemonFrozen,
];
const WITH_VALKEY: [Fault; 7] = [
    Fault::ValkeyKilled,
    Fault::ValkeyFrozen,
    Fault::ValkeyFrozenLong,
    Fault::ValkeySlow,
    Fault::ConnectionsCut,
    Fault::ConnectionsTorn,
    Fault::RepliesLost,
];

/// What the connections between daemon and Valkey do.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Fair,
    Slow,
    Lossy,
    Stormy,
}

impl Weather {
    fn fate(self, way: Way, piece: &[u8]) -> Fate {
        match self {
            Weather::Slow => Fate::Late(Duration::from_millis(100)),
            Weather::Lossy if way == Way::ToDaemon => Fate::Lost,
            Weather::Stormy => Fate::Cut(piece.len() / 2),
            Weather::Fair | Weather::Lossy => Fate::Pass,
        }
    }
}

/// A rule for a relay in that weather.
fn rule(weather: &Arc<Mutex<Weather>>) -> impl Fn(Way, &[u8]) -> Fate + Send + Sync + 'static {
    let present = Arc::clone(weather);
    move |way, piece| present.lock().expect("no thread panicked").fate(way, piece)
}

pub(crate) struct Subject {
    daemon: Box<dyn Kvsock>,
    interruptions: Arc<Interruptions>,
    valkey: Option<(Box<dyn Server>, Relay)>,
    liar: Option<Liar>,
    weather: Arc<Mutex<Weather>>,
}

impl Subject {
    /// `None` where there is no Valkey. With `lie` the daemon's Valkey is not honest.
    pub(crate) fn start(engine: Engine, lie: Option<Lie>) -> Option<Subject> {
        let weather = Arc::new(Mutex::new(Weather::Fair));
        let interruptions = Arc::default();
        if engine == Engine::Embedded {
            let daemon =
                Box::new(Manager::start(&[("SYNC", "always"), ("WORKERS", engine.workers())]));
            return Some(Subject { daemon, interruptions, valkey: None, liar: None, weather });
        }
        // What it acknowledges is on disk, so that it may be killed.
        let valkey = (Setup { durable: true, ..Setup::default() }).start()?;
        let relay = Relay::start(&valkey.socket(), rule(&weather));
        let liar = lie.map(|lie| Liar::start(&valkey.socket(), lie));
        let url = liar.as_ref().map_or_else(|| relay.url(), Liar::url);
        let daemon = Box::new(Manager::start(&[
            ("STORE", &*url),
            ("STORE_TIMEOUT", STORE_TIMEOUT),
            ("CACHE", engine.cache()),
            ("WORKERS", engine.workers()),
        ]));
        let valkey: Option<(Box<dyn Server>, _)> = Some((Box::new(valkey), relay));
        Some(Subject { daemon, interruptions, valkey, liar, weather })
    }

    /// The units of a machine.
    pub(crate) fn start_in(machine: &Arc<Machine>, engine: Engine) -> Subject {
        let weather = Arc::new(Mutex::new(Weather::Fair));
        let mut daemon = Box::new(KvsockUnit(Arc::clone(machine)));
        let mut valkey: Option<(Box<dyn Server>, _)> = None;
        if engine == Engine::Embedded {
            daemon.set_up(EMBEDDED, "");
        } else {
            let mut server = ValkeyUnit::of(machine);
            server.set_up("appendonly yes\nappendfsync always");
            let relay = server.relay(rule(&weather));
            valkey = Some((Box::new(server), relay));
            let cache = engine.cache();
            let settings = format!("KVSOCK_STORE_TIMEOUT={STORE_TIMEOUT}\nKVSOCK_CACHE={cache}\n");
            daemon.set_up(&format!("{RELAYED}{settings}"), "");
        }
        daemon.launch();
        Subject { daemon, interruptions: Arc::default(), valkey, liar: None, weather }
    }

    /// A client of the daemon; the run began at `start`.
    pub(crate) fn client(&self, number: usize, start: Instant) -> Client {
        Client::new(number, self.daemon.socket(), Arc::clone(&self.interruptions), start)
    }

    /// How many lies the daemon was told.
    pub(crate) fn lies(&self) -> u64 {
        self.liar.as_ref().map_or(0, Liar::lies)
    }

    fn suffer(&mut self, fault: Fault, rng: &mut StdRng) {
        let mut millis =
            |least, most| std::thread::sleep(Duration::from_millis(rng.random_range(least..most)));
        let set = |weather| *self.weather.lock().expect("no thread panicked") = weather;
        let (daemon, interruptions) = (&mut self.daemon, &self.interruptions);
        match (fault, &mut self.valkey) {
            (Fault::DaemonKilled, _) => interruptions.during(|| {
                daemon.kill();
                daemon.launch();
            }),
            (Fault::DaemonStopped, _) => interruptions.during(|| {
                daemon.stop();
                daemon.launch();
            }),
            (Fault::DaemonRestarted, _) => daemon.restart(),
            (Fault::DaemonFrozen, _) => {
                daemon.signal(Signal::STOP);
                millis(20, 300);
                daemon.signal(Signal::CONT);
            }
            (Fault::ValkeyKilled, Some((valkey, _))) => {
                valkey.kill();
                millis(0, 100);
                valkey.launch();
            }
            (Fault::ValkeyFrozen, Some((valkey, _))) => {
                valkey.freeze();
                millis(20, 400);
                valkey.thaw();
            }
            (Fault::ValkeyFrozenLong, Some((valkey, _))) => {
                valkey.freeze();
                millis(900, 1500);
                valkey.thaw();
            }
            (Fault::ValkeySlow, Some(_)) => {
                set(Weather::Slow);
                millis(100, 600);
                set(Weather::Fair);
            }
            (Fault::ConnectionsCut, Some((_, relay))) => {
                relay.cut();
            }
            (Fault::ConnectionsTorn, Some(_)) => {
                set(Weather::Stormy);
                millis(1, 30);
                set(Weather::Fair);
            }
            (Fault::RepliesLost, Some((_, relay))) => {
                set(Weather::Lossy);
                millis(1, 50);
                relay.cut();
                set(Weather::Fair);
            }
            (fault, None) => unreachable!("{fault:?} needs a Valkey"),
        }
    }

    /// Brings fault after fault, all kinds in turn, until `is_over`; gives how many of each. Counts
    /// the answers that come `between` them.
    pub(crate) fn suffer_until(
        &mut self,
        is_over: impl Fn() -> bool,
        seed: u64,
        between: &mut Pace<'_>,
    ) -> BTreeMap<Fault, u64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut suffered = BTreeMap::new();
        let mut kinds = ALWAYS.to_vec();
        if self.valkey.is_some() {
            kinds.extend(WITH_VALKEY);
        }
        loop {
            kinds.shuffle(&mut rng);
            for fault in &kinds {
                // Load between the faults, at times hardly any.
                let pause = Duration::from_millis(rng.random_range(1..400));
                between.during(|| std::thread::sleep(pause));
                if is_over() {
                    return suffered;
                }
                self.suffer(*fault, &mut rng);
                *suffered.entry(*fault).or_default() += 1;
            }
        }
    }
}
