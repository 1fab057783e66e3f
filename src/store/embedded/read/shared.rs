//! The state that the writer and the readers share: the database, the health of the store, the
//! cache, the clock, the cursors and the watches.

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

/// The shared state of one store.
pub(crate) struct Shared {
    /// The committed data; `None` while it is opened again.
    database: watch::Sender<Option<Arc<Database>>>,
    /// The clock of reads.
    pub(crate) clock: Clock,
    /// No key that expired before is left in the expiry index, in Unix milliseconds.
    pub(crate) swept: AtomicU64,
    /// When all data was last known to be on disk.
    pub(crate) saved: SaveMark,
    /// The records that were read or written lately.
    pub(crate) cache: Cache,
    /// The cursors of SCAN.
    pub(crate) cursors: Cursors,
    /// The keys that clients watch.
    pub(crate) watches: Arc<Watches>,
    /// The observers of transactions that are being evaluated beside the writer.
    pub(crate) observers: Observers,
    health: Mutex<Health>,
}

impl Shared {
    /// The state before a database is open.
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

    /// The database, if it is open.
    pub(crate) fn database(&self) -> Option<Arc<Database>> {
        self.database.borrow().clone()
    }

    /// The database as soon as it is open; `None` if it will not be opened again.
    pub(crate) async fn wait_for_database(&self) -> Option<Arc<Database>> {
        let mut database = self.database.subscribe();
        let found = database.wait_for(Option::is_some).await;
        found.ok().and_then(|database| database.clone())
    }

    /// Publishes the database to readers, or takes it away from them.
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

    /// The health of the store.
    pub(crate) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the health of the store.
    pub(crate) fn set_health(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}
