//! The engines that the contract is checked on, and what a promise is given to check it.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Location, Operation, Options, Store};
use tempfile::TempDir;

use crate::support::cluster::{self, Cluster};
use crate::support::sentinel::{self, Watched};
use crate::support::valkey::{Setup, Valkey, options};

/// Where data is kept; goes when the test ends.
pub(crate) enum Home {
    Directory { _kept: TempDir },
    Server(Valkey),
    Cluster(Cluster),
    Watched(Watched),
}

/// An engine with nothing in it, to be opened once or more.
pub(crate) struct Subject {
    pub(crate) options: Options,
    pub(crate) home: Home,
}

/// An open store.
pub(crate) struct Opened(pub(crate) Store);

impl Subject {
    /// Opens it as it is.
    pub(crate) fn open(&self) -> Opened {
        self.open_with(|_| {})
    }

    /// Opens it with other options.
    pub(crate) fn open_with(&self, change: impl FnOnce(&mut Options)) -> Opened {
        let mut options = self.options.clone();
        change(&mut options);
        Opened(Store::open(options).expect("the store opens"))
    }
}

impl Opened {
    /// Carries out one operation.
    pub(crate) async fn one(&self, name: &str, args: &[&[u8]]) -> Reply {
        let mut replies = self.0.execute(vec![operation(name, args)]).await;
        assert_eq!(replies.len(), 1);
        replies.remove(0)
    }

    /// Sets a key, which must work.
    pub(crate) async fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        assert_eq!(self.one("SET", &[key.as_ref(), value.as_ref()]).await, Reply::OK);
    }

    /// Gets a key.
    pub(crate) async fn get(&self, key: impl AsRef<[u8]>) -> Reply {
        self.one("GET", &[key.as_ref()]).await
    }

    /// Carries out operations one after the other; each must be replied to as it says.
    pub(crate) async fn expect(&self, steps: &[(&str, &[&str], Reply)]) {
        for (name, args, expected) in steps {
            let bytes: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
            assert_eq!(self.one(name, &bytes).await, *expected, "{name} {args:?}");
        }
    }

    /// Closes it with time enough.
    pub(crate) async fn close(self) {
        self.0.close(std::time::Duration::from_secs(5)).await;
    }
}

pub(crate) fn operation(name: &str, args: &[&[u8]]) -> Operation {
    let args = args.iter().map(|arg| Bytes::copy_from_slice(arg)).collect();
    Operation::named(name, args).expect("a command")
}

pub(crate) fn value(bytes: impl AsRef<[u8]>) -> Reply {
    Reply::Value(Bytes::copy_from_slice(bytes.as_ref()))
}

pub(crate) fn list<const N: usize>(items: [&str; N]) -> Reply {
    Reply::List(items.iter().map(|item| Some(Bytes::copy_from_slice(item.as_bytes()))).collect())
}

pub(crate) fn error(text: &'static str) -> Reply {
    Reply::failed(text)
}

pub(crate) fn pairs<const N: usize>(items: [(&str, &str); N]) -> Reply {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Reply::Pairs(items.iter().map(|(key, value)| (bytes(key), bytes(value))).collect())
}

/// Checks one promise on one engine, unless that engine cannot be had here.
pub(crate) fn check(engine: fn() -> Option<Subject>, promise: impl AsyncFnOnce(&Subject)) {
    let Some(subject) = engine() else { return };
    run(&subject, promise);
}

/// A promise that waits to be checked, with its name.
pub(crate) type Waiting<'a> = (&'a str, &'a dyn Fn(&Subject));

/// Checks promises one after the other on one engine, which is emptied in between, unless it cannot
/// be had here. All that are not kept are named.
pub(crate) fn check_in_turn(engine: fn() -> Option<Subject>, promises: &[Waiting<'_>]) {
    let Some(subject) = engine() else { return };
    let broken = promises.iter().filter(|(name, promise)| {
        let kept = std::panic::catch_unwind(AssertUnwindSafe(|| promise(&subject)));
        if kept.is_err() {
            eprintln!("not kept: {name}");
        }
        match &subject.home {
            Home::Cluster(cluster) => cluster.clear(),
            Home::Watched(sentinels) => {
                assert_eq!(sentinels.text(0, &["FLUSHALL"]), "OK");
            }
            Home::Directory { .. } | Home::Server(_) => {}
        }
        kept.is_err()
    });
    let broken: Vec<&str> = broken.map(|(name, _)| *name).collect();
    assert!(broken.is_empty(), "{} of {}: {broken:?}", broken.len(), promises.len());
}

/// Checks one promise on an engine that is there.
pub(crate) fn run(subject: &Subject, promise: impl AsyncFnOnce(&Subject)) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(promise(subject));
}

#[expect(clippy::unnecessary_wraps, reason = "an engine that cannot be had here is none")]
pub(crate) fn embedded() -> Option<Subject> {
    let directory = tempfile::tempdir().expect("a directory");
    let options = options(Location::Embedded(directory.path().join("db")));
    Some(Subject { options, home: Home::Directory { _kept: directory } })
}

pub(crate) fn embedded_prefixed() -> Option<Subject> {
    embedded().map(prefixed)
}

pub(crate) fn valkey_tcp() -> Option<Subject> {
    let server = Setup { password: Some("hunter 2"), ..Setup::default() }.start()?;
    Some(Subject { options: server.options(server.tcp()), home: Home::Server(server) })
}

pub(crate) fn valkey_tcp_prefixed() -> Option<Subject> {
    valkey_tcp().map(prefixed)
}

pub(crate) fn valkey_unix() -> Option<Subject> {
    let server = Setup::default().start()?;
    Some(Subject { options: server.options(server.unix()), home: Home::Server(server) })
}

pub(crate) fn valkey_unix_prefixed() -> Option<Subject> {
    valkey_unix().map(prefixed)
}

/// With a near cache so small that values leave it, too.
pub(crate) fn valkey_cached() -> Option<Subject> {
    let mut subject = valkey_unix()?;
    subject.options.cache = 64 * 1024;
    Some(subject)
}

pub(crate) fn valkey_cached_prefixed() -> Option<Subject> {
    valkey_cached().map(prefixed)
}

pub(crate) fn valkey_tls() -> Option<Subject> {
    let settings = vec![["user", "kvsock on >secret ~* &* +@all"]];
    let server = Setup { tls: true, settings, ..Setup::default() }.start()?;
    let mut options = server.options(server.tls());
    options.username = Some(kvsock::store::Secret::new("kvsock"));
    options.password = Some(kvsock::store::Secret::new("secret"));
    Some(Subject { options, home: Home::Server(server) })
}

pub(crate) fn valkey_tls_prefixed() -> Option<Subject> {
    valkey_tls().map(prefixed)
}

pub(crate) fn cluster() -> Option<Subject> {
    on(cluster::Setup { password: Some("hunter2"), ..cluster::Setup::default() })
}

pub(crate) fn cluster_prefixed() -> Option<Subject> {
    on(cluster::Setup::default()).map(prefixed)
}

pub(crate) fn cluster_tls() -> Option<Subject> {
    on(cluster::Setup { tls: true, ..cluster::Setup::default() })
}

/// With a prefix that keeps all keys in one slot.
pub(crate) fn cluster_with_a_tag() -> Option<Subject> {
    let mut subject = on(cluster::Setup::default())?;
    subject.options.prefix = Bytes::from_static(b"{kvsock}:");
    Some(subject)
}

pub(crate) fn sentinels() -> Option<Subject> {
    behind(sentinel::Setup { password: Some("hunter2"), ..sentinel::Setup::default() })
}

/// With sentinels that ask for the password, too.
pub(crate) fn sentinels_tls_prefixed() -> Option<Subject> {
    let password = Some("hunter2");
    let setup = sentinel::Setup { password, is_for_sentinels: true, tls: true, replicas: 1 };
    behind(setup).map(prefixed)
}

fn behind(setup: sentinel::Setup) -> Option<Subject> {
    let sentinels = setup.start()?;
    Some(Subject { options: sentinels.options(), home: Home::Watched(sentinels) })
}

fn on(setup: cluster::Setup) -> Option<Subject> {
    let cluster = setup.start()?;
    Some(Subject { options: cluster.options(), home: Home::Cluster(cluster) })
}

fn prefixed(mut subject: Subject) -> Subject {
    subject.options.prefix = Bytes::from_static(b"kvsock:");
    subject
}
