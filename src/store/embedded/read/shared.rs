//! What the writer and the rest of the engine tell each other: where to read, how it is, who
//! watches what.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::cache::records::Cache;
use super::clock::Clock;
use super::cursor::table::Cursors;
use super::save_mark::SaveMark;
use crate::store::embedded::change::observer::Observers;
use crate::store::embedded::change::watch::Watches;
use crate::store::embedded::disk::database::Database;
use crate::store::state::Health;

/// The writer's side and the readers' side meet here.
pub(crate) struct Shared {
    /// The committed data; `None` while it is opened again.
    database: watch::Sender<Option<Arc<Database>>>,
    /// The time for reads.
    pub(crate) clock: Clock,
    /// No key that expired before is left in the expiry index, in Unix milliseconds.
    pub(crate) swept: AtomicU64,
    /// When all data was last known to be on disk.
    pub(crate) saved: SaveMark,
    /// What was read or written lately.
    pub(crate) cache: Cache,
    /// Where iterations go on.
    pub(crate) cursors: Cursors,
    /// What clients watch.
    pub(crate) watches: Arc<Watches>,
    /// What transactions read that are evaluated beside the writer.
    pub(crate) observers: Observers,
    health: Mutex<Health>,
}

impl Shared {
    /// Without a database yet.
    pub(crate) fn new(watch_limit: Duration) -> Shared {
        Shared {
            database: watch::Sender::new(None),
            clock: Clock::default(),
            swept: AtomicU64::new(0),
            saved: SaveMark::now(),
            cache: Cache::new(),
            cursors: Cursors::default(),
            watches: Arc::new(Watches::new(watch_limit)),
            observers: Observers::default(),
            health: Mutex::new(Health::Up),
        }
    }

    /// Where to read, if it is there now.
    pub(crate) fn database(&self) -> Option<Arc<Database>> {
        self.database.borrow().clone()
    }

    /// Where to read, as soon as it is there; `None` when it never will be.
    pub(crate) async fn wait_for_database(&self) -> Option<Arc<Database>> {
        let mut database = self.database.subscribe();
        let found = database.wait_for(Option::is_some).await;
        found.ok().and_then(|database| database.clone())
    }

    /// Lets readers read there from now on, or takes the database away from them.
    pub(crate) fn publish(&self, database: Option<Arc<Database>>) {
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
    pub(crate) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how the store is from now on.
    pub(crate) fn set_health(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}
