//! What commands work on: the store, the key generator, and the daemon's counters.

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

/// Shared by all connections.
#[derive(Debug)]
pub struct Context {
    /// The connections, rights and keys of all users.
    pub users: Arc<Users>,
    /// The store's URL without user and password, for `status`.
    pub store_url: String,
    /// Makes `txkey` and `rtkey`.
    pub keys: Generator,
    /// What has happened so far.
    pub counters: Counters,
    /// The log, which counts what it had to drop.
    pub logging: Arc<Logging>,
    /// What each user takes of what all share.
    pub accounts: Accounts,
    /// Whether a client has asked the daemon to stop.
    pub stop: Stop,
    /// Who may run scripts.
    pub scripts: Scripts,
    /// A name for this run of the daemon: 40 hexadecimal digits.
    pub(super) run_id: String,
    /// The number of keys, as `status` shows it.
    pub(super) size: Arc<CachedSize>,
    started: Instant,
}

impl Context {
    /// Starts counting now.
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

    /// Writes what the store still holds back, and closes it; waits at most `limit`.
    pub async fn close(&self, limit: Duration) {
        self.users.spaces.close(limit).await;
    }

    /// How long the daemon has been serving.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Counts since the start, but for `clients`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections open now.
    pub clients: AtomicU64,
    /// Connections taken.
    pub connections: AtomicU64,
    /// Connections refused because there were too many.
    pub refused: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Requests answered with an error.
    pub errors: AtomicU64,
    /// Values that were asked for by GET, and found.
    pub hits: AtomicU64,
    /// Values that were asked for by GET, and not found.
    pub misses: AtomicU64,
}

/// Who may run scripts in the store, which can name any key there and do anything to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// Nobody.
    No,
    /// Nobody, since keys have a prefix or belong to users.
    Prefixed,
    /// Administrators.
    Administrators,
    /// Whoever may connect.
    All,
}

impl Counters {
    /// Counts `more`; costs nothing when there is none.
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        if more > 0 {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The present value of one of them.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
