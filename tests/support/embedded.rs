//! A store of the embedded engine with a runtime of its own, for tests that block.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Health, Location, OpenError, Operation, Options, Store, Sync, Tls, Watch};
use tokio::runtime::Runtime;

/// Settings for a store in `directory`.
pub fn options(directory: &Path) -> Options {
    Options {
        location: Location::Embedded(directory.to_owned()),
        username: None,
        password: None,
        tls: Tls::default(),
        timeout: Duration::from_secs(20),
        prefix: Bytes::new(),
        sync: Sync::No,
        last_depth: 1_000,
        max_reply: 64 * 1024 * 1024,
        cache: 0,
        has_parts: false,
        watch_limit: Duration::from_secs(60),
    }
}

/// One operation.
pub fn operation<A: AsRef<[u8]>>(name: &str, args: &[A]) -> Operation {
    let args = args.iter().map(|arg| Bytes::copy_from_slice(arg.as_ref())).collect();
    Operation::named(name, args).expect("a command")
}

/// A value in a reply.
pub fn value(text: impl AsRef<[u8]>) -> Reply {
    Reply::Value(Bytes::copy_from_slice(text.as_ref()))
}

/// A reply to `KEYS`.
pub fn list(keys: &[&str]) -> Reply {
    Reply::List(keys.iter().map(|key| Some(Bytes::copy_from_slice(key.as_bytes()))).collect())
}

/// A reply to `LAST`.
pub fn pairs(pairs: &[(&str, &str)]) -> Reply {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Reply::Pairs(pairs.iter().map(|(key, value)| (bytes(key), bytes(value))).collect())
}

/// Waits for a condition that must come.
pub fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the condition never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Opens a store's database as a program does that keeps no index of long values: it removes the
/// keyspaces that it does not know.
pub fn open_without_index(directory: &Path) -> fjall::Database {
    let database = fjall::Database::builder(directory).open().expect("the database opens");
    for name in database.list_keyspace_names() {
        if !["meta", "data.0", "expiry.0", "recent.0"].contains(&&*name) {
            let keyspace = database.keyspace(&name, fjall::KeyspaceCreateOptions::default);
            database.delete_keyspace(keyspace.expect("it is there")).expect("it is removed");
        }
    }
    database
}

/// An open store.
pub struct Opened {
    runtime: Runtime,
    store: Store,
}

impl Opened {
    /// Opens it; panics if that fails.
    pub fn new(options: Options) -> Opened {
        Opened::try_new(options).expect("the store opens")
    }

    /// Opens it.
    pub fn try_new(options: Options) -> Result<Opened, OpenError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        let store = runtime.block_on(async { Store::open(options) })?;
        Ok(Opened { runtime, store })
    }

    /// Carries out a batch.
    pub fn batch(&self, batch: Vec<Operation>) -> Vec<Reply> {
        let len = batch.len();
        let replies = self.runtime.block_on(self.store.execute(batch));
        assert_eq!(replies.len(), len);
        replies
    }

    /// Carries out one operation.
    pub fn run<A: AsRef<[u8]>>(&self, name: &str, args: &[A]) -> Reply {
        self.batch(vec![operation(name, args)]).remove(0)
    }

    /// Carries out one operation without arguments.
    pub fn ask(&self, name: &str) -> Reply {
        self.run::<&str>(name, &[])
    }

    /// Watches keys.
    pub fn watch(&self, watch: Option<Watch>, keys: Vec<Bytes>) -> Result<Watch, ErrorReply> {
        self.runtime.block_on(self.store.watch(watch, keys))
    }

    /// Carries out a transaction.
    pub fn transact(&self, watch: Option<Watch>, batch: Vec<Operation>) -> Reply {
        self.runtime.block_on(self.store.transact(watch, batch))
    }

    /// How the store says it is.
    pub fn health(&self) -> Health {
        self.store.health()
    }

    /// Closes it in good order.
    pub fn close(self) {
        self.runtime.block_on(self.store.close(Duration::from_secs(20)));
    }
}
