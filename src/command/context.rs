//! The daemon's state that commands work on: the store, the key generator, and the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::access::audit::Audit;
use super::access::caller::Administrators;
use super::keygen::Generator;
use super::session::clients::Clients;
use super::session::size::CachedSize;
use super::session::space::{Namespace, Spaces};
use super::session::users::Users;
use super::stop::Stop;
use crate::account::Accounts;
use crate::logging::Logging;
use crate::store::Store;

/// The state that all connections share.
#[derive(Debug)]
pub struct Context {
    /// The connections, rights and keys of all users.
    pub users: Arc<Users>,
    /// The store's URL without user and password, for `status`.
    pub store_url: String,
    /// Makes `txkey` and `rtkey`.
    pub keys: Generator,
    /// Counts of events so far.
    pub counters: Counters,
    /// The log, for its count of dropped entries.
    pub logging: Arc<Logging>,
    /// The account of each user.
    pub accounts: Accounts,
    /// Whether a client has asked the daemon to stop.
    pub stop: Stop,
    /// The callers that may run scripts.
    pub scripts: Scripts,
    /// The id of this run of the daemon: 40 hexadecimal digits.
    pub(super) run_id: String,
    /// The cached number of keys, for `status`.
    pub(super) size: Arc<CachedSize>,
    started: Instant,
}

impl Context {
    /// A new context; the uptime starts now.
    pub fn new(
        store: Store,
        namespace: Namespace,
        store_url: String,
        administrators: Administrators,
        scripts: Scripts,
        logging: Arc<Logging>,
    ) -> Context {
        let (high, low): (u128, u32) = rand::random();
        Context {
            users: Arc::new(Users {
                spaces: Spaces::new(store, namespace),
                administrators,
                clients: Clients::default(),
                audit: Audit::default(),
            }),
            accounts: Accounts::default(),
            stop: Stop::default(),
            scripts,
            run_id: format!("{high:032x}{low:08x}"),
            logging,
            store_url,
            keys: Generator::default(),
            counters: Counters::default(),
            size: Arc::default(),
            started: Instant::now(),
        }
    }

    /// The store, with the keys of all users.
    pub fn store(&self) -> &Store {
        self.users.spaces.all()
    }

    /// Writes pending changes and closes the store; waits at most `limit`.
    pub async fn close(&self, limit: Duration) {
        self.users.spaces.close(limit).await;
    }

    /// The time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Counts since the start, except `clients`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Open connections.
    pub clients: AtomicU64,
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections refused because a limit was reached.
    pub refused: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Requests answered with an error.
    pub errors: AtomicU64,
    /// Values that GET found.
    pub hits: AtomicU64,
    /// Values that GET did not find.
    pub misses: AtomicU64,
}

/// The callers that may run scripts. A script in the store can name any key there and change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// Nobody.
    No,
    /// Nobody, since keys have a prefix or each user has its own.
    Prefixed,
    /// Administrators.
    Administrators,
    /// Everyone who may connect.
    All,
}

impl Counters {
    /// Adds `more` to a counter; free when `more` is 0.
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        if more > 0 {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The present value of a counter.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
