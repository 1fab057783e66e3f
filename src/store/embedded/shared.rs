//! What the writer and the rest of the engine tell each other: where to read, how it is, who
//! watches what.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::argument::time;
use super::change::observer::Observers;
use super::change::watch::Watches;
use super::disk::database::Database;
use super::read::cache::Cache;
use super::read::clock::Clock;
use super::read::cursor::Cursors;
use crate::store::state::Health;

/// The writer's side and the readers' side meet here.
pub(super) struct Shared {
    /// The committed data; `None` while it is opened again.
    database: watch::Sender<Option<Arc<Database>>>,
    /// The time for reads.
    pub(super) clock: Clock,
    /// No key that expired before is left in the expiry index, in Unix milliseconds.
    pub(super) swept: AtomicU64,
    /// When all data was last known to be on disk, in Unix seconds.
    pub(super) saved: AtomicI64,
    /// What was read or written lately.
    pub(super) cache: Cache,
    /// Where iterations go on.
    pub(super) cursors: Cursors,
    /// What clients watch.
    pub(super) watches: Arc<Watches>,
    /// What transactions read that are evaluated beside the writer.
    pub(super) observers: Observers,
    health: Mutex<Health>,
}

impl Shared {
    /// Without a database yet.
    pub(super) fn new(watch_limit: Duration) -> Shared {
        let shared = Shared {
            database: watch::Sender::new(None),
            clock: Clock::default(),
            swept: AtomicU64::new(0),
            saved: AtomicI64::new(0),
            cache: Cache::new(),
            cursors: Cursors::default(),
            watches: Arc::new(Watches::new(watch_limit)),
            observers: Observers::default(),
            health: Mutex::new(Health::Up),
        };
        shared.note_saved();
        shared
    }

    /// Notes that all data is on disk now.
    pub(super) fn note_saved(&self) {
        let seconds = i64::try_from(time::now() / 1000).unwrap_or(i64::MAX);
        self.saved.store(seconds, Ordering::Relaxed);
    }

    /// Where to read, if it is there now.
    pub(super) fn database(&self) -> Option<Arc<Database>> {
        self.database.borrow().clone()
    }

    /// Where to read, as soon as it is there; `None` when it never will be.
    pub(super) async fn wait_for_database(&self) -> Option<Arc<Database>> {
        let mut database = self.database.subscribe();
        let found = database.wait_for(Option::is_some).await;
        found.ok().and_then(|database| database.clone())
    }

    /// Lets readers read there from now on, or takes the database away from them.
    pub(super) fn publish(&self, database: Option<Arc<Database>>) {
        let is_there = database.is_some();
        if !is_there {
            self.cache.begin_change_of_all();
        }
        self.database.send_replace(database);
        self.observers.tell_of_everything();
        if is_there {
            self.cache.end_change();
        }
    }

    /// How the store is.
    pub(super) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how the store is from now on.
    pub(super) fn set_health(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}
