//! The servers that the clients are pointed at.

use std::path::PathBuf;

use crate::support::daemon::Daemon;
use crate::support::valkey::{Setup, Valkey};

/// A running server of the test's own.
#[derive(Debug)]
pub(crate) struct Server {
    kvsock: Option<Daemon>,
    valkey: Option<Valkey>,
}

/// Runs the test at a server, if it can be had.
pub(crate) fn check(start: fn() -> Option<Server>, test: impl FnOnce(&mut Server)) {
    if let Some(mut server) = start() {
        test(&mut server);
    }
}

/// kvsock as it runs with no set-up at all.
#[expect(clippy::unnecessary_wraps, reason = "the others may be missing")]
pub(crate) fn kvsock_embedded() -> Option<Server> {
    Some(Server { kvsock: Some(Daemon::start(&[])), valkey: None })
}

/// kvsock with its data in Valkey.
pub(crate) fn kvsock_on_valkey() -> Option<Server> {
    let valkey = Setup::default().start()?;
    let kvsock = Daemon::start(&[("STORE", &valkey.url())]);
    Some(Server { kvsock: Some(kvsock), valkey: Some(valkey) })
}

/// Valkey alone.
pub(crate) fn plain_valkey() -> Option<Server> {
    Some(Server { kvsock: None, valkey: Some(Setup::default().start()?) })
}

impl Server {
    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        match (&self.kvsock, &self.valkey) {
            (Some(kvsock), _) => kvsock.socket(),
            (None, Some(valkey)) => valkey.socket(),
            (None, None) => unreachable!("every server is one or the other"),
        }
    }

    /// Whether it runs scripts, which take a Valkey.
    pub(crate) fn runs_scripts(&self) -> bool {
        self.valkey.is_some()
    }

    /// Whether it is kvsock.
    pub(crate) fn is_kvsock(&self) -> bool {
        self.kvsock.is_some()
    }

    /// Ends it and starts it again. A plain Valkey is empty then.
    pub(crate) fn restart(&mut self) {
        match (&mut self.kvsock, &mut self.valkey) {
            (Some(kvsock), _) => {
                assert!(kvsock.stop().success(), "it ends well");
                kvsock.launch();
            }
            (None, Some(valkey)) => valkey.restart(),
            (None, None) => unreachable!("every server is one or the other"),
        }
    }
}
