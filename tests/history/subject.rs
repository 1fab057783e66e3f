//! What is put to the test: a daemon, and its Valkey behind a relay.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;

use crate::liar::{Liar, Lie};
use crate::support::daemon::Daemon;
use crate::support::relay::{Fate, Relay, Way};
use crate::support::valkey::{Setup, Valkey};

/// How long the daemon waits for Valkey.
const STORE_TIMEOUT: &str = "700ms";

/// Where the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Valkey,
    Embedded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    DaemonKilled,
    DaemonRestarted,
    DaemonFrozen,
    ValkeyKilled,
    /// For less than the daemon waits.
    ValkeyFrozen,
    /// For longer.
    ValkeyFrozenLong,
    ConnectionsCut,
    /// Valkey carries out what it is sent, and its replies are lost with the connection.
    RepliesLost,
}

const ALWAYS: [Fault; 3] = [Fault::DaemonKilled, Fault::DaemonRestarted, Fault::DaemonFrozen];
const WITH_VALKEY: [Fault; 5] = [
    Fault::ValkeyKilled,
    Fault::ValkeyFrozen,
    Fault::ValkeyFrozenLong,
    Fault::ConnectionsCut,
    Fault::RepliesLost,
];

pub(crate) struct Subject {
    daemon: Daemon,
    valkey: Option<(Valkey, Relay)>,
    _liar: Option<Liar>,
    loses_replies: Arc<AtomicBool>,
}

impl Subject {
    /// `None` where there is no Valkey. With `lie` the daemon's Valkey is not honest.
    pub(crate) fn start(engine: Engine, lie: Option<Lie>) -> Option<Subject> {
        let loses_replies = Arc::new(AtomicBool::new(false));
        if engine == Engine::Embedded {
            let daemon = Daemon::start(&[("SYNC", "always")]);
            return Some(Subject { daemon, valkey: None, _liar: None, loses_replies });
        }
        // What it acknowledges is on disk, so that it may be killed.
        let valkey = (Setup { durable: true, ..Setup::default() }).start()?;
        let loses = Arc::clone(&loses_replies);
        let relay = Relay::start(&valkey.socket(), move |way, _| {
            let is_lost = way == Way::ToDaemon && loses.load(Ordering::Relaxed);
            if is_lost { Fate::Lost } else { Fate::Pass }
        });
        let liar = lie.map(|lie| Liar::start(&valkey.socket(), lie));
        let url = liar.as_ref().map_or_else(|| relay.url(), Liar::url);
        let daemon = Daemon::start(&[("STORE", &*url), ("STORE_TIMEOUT", STORE_TIMEOUT)]);
        Some(Subject { daemon, valkey: Some((valkey, relay)), _liar: liar, loses_replies })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.daemon.socket()
    }

    fn suffer(&mut self, fault: Fault, rng: &mut StdRng) {
        let mut millis =
            |least, most| std::thread::sleep(Duration::from_millis(rng.random_range(least..most)));
        match (fault, &mut self.valkey) {
            (Fault::DaemonKilled, _) => {
                self.daemon.kill();
                self.daemon.launch();
            }
            (Fault::DaemonRestarted, _) => {
                assert!(self.daemon.stop().success(), "SIGTERM is no failure");
                self.daemon.launch();
            }
            (Fault::DaemonFrozen, _) => {
                self.daemon.signal(Signal::STOP);
                millis(20, 300);
                self.daemon.signal(Signal::CONT);
            }
            (Fault::ValkeyKilled, Some((valkey, _))) => {
                valkey.kill();
                millis(0, 100);
                valkey.restart();
            }
            (Fault::ValkeyFrozen, Some((valkey, _))) => {
                valkey.stop();
                millis(20, 400);
                valkey.cont();
            }
            (Fault::ValkeyFrozenLong, Some((valkey, _))) => {
                valkey.stop();
                millis(900, 1500);
                valkey.cont();
            }
            (Fault::ConnectionsCut, Some((_, relay))) => {
                relay.cut();
            }
            (Fault::RepliesLost, Some((_, relay))) => {
                self.loses_replies.store(true, Ordering::Relaxed);
                millis(1, 50);
                relay.cut();
                self.loses_replies.store(false, Ordering::Relaxed);
            }
            (fault, None) => unreachable!("{fault:?} needs a Valkey"),
        }
    }

    /// Brings fault after fault, all kinds in turn, until `is_over`; gives how many of each.
    pub(crate) fn suffer_until(
        &mut self,
        is_over: impl Fn() -> bool,
        seed: u64,
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
                std::thread::sleep(Duration::from_millis(rng.random_range(1..400)));
                if is_over() {
                    return suffered;
                }
                self.suffer(*fault, &mut rng);
                *suffered.entry(*fault).or_default() += 1;
            }
        }
    }
}
