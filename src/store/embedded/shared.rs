//! What the writer tells the rest of the engine: where to read, and how it is.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::database::Database;
use crate::store::state::Health;

/// The writer's side and the readers' side meet here.
pub(super) struct Shared {
    /// The committed data; `None` while it is opened again.
    database: watch::Sender<Option<Arc<Database>>>,
    /// See [`super::read::View::new`].
    pub(super) swept: Arc<AtomicU64>,
    health: Mutex<Health>,
}

impl Shared {
    /// Without a database yet.
    pub(super) fn new() -> Shared {
        Shared {
            database: watch::Sender::new(None),
            swept: Arc::default(),
            health: Mutex::new(Health::Up),
        }
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
        self.database.send_replace(database);
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
