//! The servers that are compared: a plain Valkey, and kvsock on each of its engines.

use std::io::Write;
use std::path::PathBuf;

use crate::connection::Connection;
use crate::support::daemon::Daemon;
use crate::support::valkey::{Setup, Valkey};

/// What carries out the commands in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// No kvsock at all.
    Plain,
    /// kvsock on its embedded store.
    Embedded,
    /// kvsock on a Valkey.
    Valkey,
    /// The same, under a prefix.
    Prefixed,
    /// With a near cache.
    Cached,
}

/// A prefix that must not be taken for a pattern.
const PREFIX: &str = "kvsock:*[";

/// The one key, among those of `vocabulary.rs`, that a list is put into.
const LIST: &str = "list";

/// What the reference calls RPUSH.
const PLANT: &str = "plant-list";

/// A server, with all that it needs, which ends with it.
#[derive(Debug)]
pub(crate) struct Server {
    engine: Engine,
    daemon: Option<Daemon>,
    valkey: Option<Valkey>,
}

impl Server {
    /// Starts it, or says that there is no Valkey here.
    pub(crate) fn start(engine: Engine) -> Option<Server> {
        if engine == Engine::Plain {
            let valkey = reference().start()?;
            if !is_valkey(&valkey) {
                let _ = writeln!(std::io::stderr(), "not run: Redis is no measure for Valkey");
                return None;
            }
            return Some(Server { engine, daemon: None, valkey: Some(valkey) });
        }
        if engine == Engine::Embedded {
            // When it is written to the disk changes no reply.
            // Valkey bounds what a value may grow to by no reply's length.
            let daemon = Daemon::start(&[("SYNC", "no"), ("MAX_REPLY", "0")]);
            return Some(Server { engine, daemon: Some(daemon), valkey: None });
        }
        let valkey = Setup::default().start()?;
        let prefix = if engine == Engine::Prefixed { PREFIX } else { "" };
        let cache = if engine == Engine::Cached { "64KiB" } else { "0" };
        let settings = [("STORE", &*valkey.url()), ("KEY_PREFIX", prefix), ("CACHE", cache)];
        let daemon = Daemon::start(&settings);
        Some(Server { engine, daemon: Some(daemon), valkey: Some(valkey) })
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Puts a list into the Valkey at the bottom of it, which kvsock itself cannot do, unless the
    /// key holds something else.
    pub(crate) fn plant_list(&self) {
        let (command, key) = match self.engine {
            Engine::Plain => (PLANT, LIST.to_owned()),
            Engine::Valkey | Engine::Cached => ("RPUSH", LIST.to_owned()),
            Engine::Prefixed => ("RPUSH", format!("{PREFIX}{LIST}")),
            Engine::Embedded => return,
        };
        let valkey = self.valkey.as_ref().expect("all others have one");
        Connection::open(&valkey.socket(), false).ask(&[command, &key, "element"]);
        if self.engine == Engine::Cached {
            // What was done there is known once the store was asked.
            Connection::open(&self.socket(), false).ask(&["PINGDB"]);
        }
    }

    /// Where its clients connect.
    pub(crate) fn socket(&self) -> PathBuf {
        match (&self.daemon, &self.valkey) {
            (Some(daemon), _) => daemon.socket(),
            (None, Some(valkey)) => valkey.socket(),
            (None, None) => unreachable!("start made one of them"),
        }
    }
}

fn is_valkey(server: &Valkey) -> bool {
    let info = Connection::open(&server.socket(), false).ask(&["INFO", "server"]);
    String::from_utf8_lossy(&info).contains("\nvalkey_version:")
}

/// A Valkey that has one database, as kvsock has, and does not know the commands that kvsock does
/// not know: so it is Valkey itself that says how an unknown command is refused.
fn reference() -> Setup {
    let unknown = [
        "ACL ",
        "BLPOP ",
        "DEBUG ",
        "HGETALL ",
        "HSET ",
        "LPUSH ",
        "LRANGE ",
        "MIGRATE ",
        "MODULE ",
        "MONITOR ",
        "MOVE ",
        "PUBLISH ",
        "REPLICAOF ",
        "RPUSH plant-list",
        "SADD ",
        "SORT ",
        "SUBSCRIBE ",
        "SWAPDB ",
        "WAIT ",
        "ZADD ",
    ];
    let mut settings = vec![["databases", "1"]];
    settings.extend(unknown.map(|command| ["rename-command", command]));
    Setup { settings, ..Setup::default() }
}
