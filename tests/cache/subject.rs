//! A daemon with a near cache, and its Valkey behind a relay.

use std::time::Instant;

use crate::support::daemon::{Daemon, PATIENCE};
use crate::support::relay::{Fate, Relay, Way};
use crate::support::valkey::{Setup, Valkey};
use crate::support::wire::client::Client;

/// What begins a word of the server's that something changed, on RESP3.
pub(crate) const PUSH: &[u8] = b">2\r\n$10\r\ninvalidate\r\n";

pub(crate) struct Subject {
    pub(crate) daemon: Daemon,
    pub(crate) relay: Relay,
    pub(crate) valkey: Valkey,
}

/// Figures of the near cache, as `status json` tells them.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Figures {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) keys: usize,
    pub(crate) bytes: usize,
}

impl Figures {
    /// Enough for a race.
    pub(crate) fn are_many(&self) -> bool {
        self.hits > 1000 && self.misses > 1000
    }
}

#[derive(serde::Deserialize)]
struct Status {
    cache: Option<Figures>,
}

impl Subject {
    /// `None` where there is no Valkey. The relay follows `rule`.
    pub(crate) fn start(
        setup: Setup,
        settings: &[(&str, &str)],
        rule: impl Fn(Way, &[u8]) -> Fate + Send + Sync + 'static,
    ) -> Option<Subject> {
        let valkey = setup.start()?;
        let relay = Relay::start(&valkey.socket(), rule);
        let url = relay.url();
        let own = [("STORE", &*url), ("CACHE", "1MiB")];
        let daemon = Daemon::start(&[&own[..], settings].concat());
        let subject = Subject { daemon, relay, valkey };
        assert_eq!(subject.daemon.ask("pingdb"), "PONG");
        Some(subject)
    }

    /// The same with nothing in between.
    pub(crate) fn plain() -> Option<Subject> {
        Subject::start(Setup::default(), &[], |_, _| Fate::Pass)
    }

    /// Another client changes something at Valkey itself.
    pub(crate) fn outside(&self, request: &str) {
        let words: Vec<&str> = request.split(' ').collect();
        self.valkey.command(&words);
    }

    /// Of the near cache.
    pub(crate) fn figures(&self) -> Figures {
        let status = self.daemon.ask("status json");
        let status: Status = serde_json::from_str(&status).expect("JSON");
        status.cache.expect("a near cache")
    }
}

/// Gets `key` until the answer comes from the near cache, and gives it.
pub(crate) fn known(subject: &Subject, client: &mut Client, key: &str) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let before = subject.figures().hits;
        let answer = client.ask(&format!("get {key}"));
        if subject.figures().hits > before {
            return answer;
        }
        assert!(Instant::now() < end, "{key} is never known");
    }
}
