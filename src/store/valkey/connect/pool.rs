//! Pinned connections, which one client has for itself: for watched keys, for scripts, whose
//! replies could end a shared connection, and for long transactions.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::limits::RETRY_WAIT;
use super::link::Link;
use super::target::Target;
use crate::account::{Account, Place, Places, Resource};
use crate::message::{ErrorReply, Reply};
use crate::store::valkey::wire::command::Form;
use crate::store::valkey::wire::connection::Connection;

/// The most pinned connections of a store, to all its servers together.
const MOST: usize = 64;
/// The most pinned connections for the clients of one user. The limit shrinks while other users
/// have some, see [`Places::tapering`].
const OF_A_USER: usize = MOST / 2;
/// The most idle connections of a store.
const IDLE: usize = 64;
/// The most idle connections to one server.
const IDLE_OF_A_SERVER: usize = 8;

/// The limit on the pinned connections of a store, shared by the pools of all its servers.
#[derive(Debug, Clone)]
pub(crate) struct Pins {
    places: Arc<Places>,
    idle: Arc<Semaphore>,
}

impl Pins {
    /// The limit, with no connection pinned.
    pub(crate) fn new() -> Pins {
        let places = Places::tapering(Resource::Pinned, MOST, OF_A_USER);
        Pins { places, idle: Arc::new(Semaphore::new(IDLE)) }
    }

    /// Whether the clients of a user have as many pinned connections as they may.
    pub(crate) fn are_exhausted_by(&self, account: &Account) -> bool {
        self.places.is_exhausted(account)
    }

    /// Takes a place, waiting for it until `deadline`, or without limit.
    async fn take(
        &self,
        account: &Arc<Account>,
        deadline: Option<Instant>,
    ) -> Result<Place, ErrorReply> {
        let taking = self.places.take(account);
        let place = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, taking).await.ok(),
            None => Some(taking.await),
        };
        place.ok_or_else(|| {
            let kind = "connections for WATCH, scripts and long transactions";
            match account.uid().filter(|_| self.places.is_exhausted(account)) {
                Some(uid) => {
                    let taken = account.taken(Resource::Pinned);
                    let text =
                        format!("user {uid} has {taken} of {MOST} {kind} and may have no more");
                    ErrorReply::Failed(text.into())
                }
                None => ErrorReply::Unavailable(format!("all {MOST} {kind} are taken").into()),
            }
        })
    }
}

/// The pinned connections to one server.
#[derive(Debug)]
pub(crate) struct Pool {
    target: Arc<dyn Target>,
    pins: Pins,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that no client has.
#[derive(Debug)]
struct Idle {
    connection: Arc<Connection>,
    _permit: OwnedSemaphorePermit,
}

/// A connection that one client has until it is given back. Closed when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Arc<Connection>,
    pool: Arc<Pool>,
    _place: Place,
}

impl Pool {
    /// A pool without connections.
    pub(crate) fn new(target: Arc<dyn Target>, pins: Pins) -> Pool {
        Pool { target, pins, idle: Mutex::default() }
    }

    /// Takes a connection for a client of `account`, waiting for one until `deadline`, or without
    /// limit.
    ///
    /// # Errors
    ///
    /// Why there is none. Nothing was sent.
    pub(crate) async fn take(
        self: &Arc<Pool>,
        link: &Link,
        account: &Arc<Account>,
        deadline: Option<Instant>,
    ) -> Result<Lease, ErrorReply> {
        let place = self.pins.take(account, deadline).await?;
        let connection = match self.idle_one() {
            Some(connection) => connection,
            None => self.connect(link, deadline).await.map_err(ErrorReply::Unavailable)?,
        };
        Ok(Lease { connection, pool: Arc::clone(self), _place: place })
    }

    async fn connect(
        &self,
        link: &Link,
        deadline: Option<Instant>,
    ) -> Result<Arc<Connection>, Cow<'static, str>> {
        loop {
            // While the server is away, the link waits with back-off.
            link.connection(deadline).await?;
            match self.target.connect_pinned().await {
                Err(_) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {
                    tokio::time::sleep(RETRY_WAIT).await;
                }
                made => return made,
            }
        }
    }

    fn idle_one(&self) -> Option<Arc<Connection>> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.connection.left().is_none());
        idle.pop().map(|idle| idle.connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Gives the connection back. It must be in the state of a new one: nothing watched, no MULTI.
    pub(crate) fn give_back(self) {
        let Ok(permit) = Arc::clone(&self.pool.pins.idle).try_acquire_owned() else { return };
        let mut idle = self.pool.idle();
        if idle.len() < IDLE_OF_A_SERVER && self.connection.left().is_none() {
            idle.push(Idle { connection: Arc::clone(&self.connection), _permit: permit });
        }
    }

    /// Sends UNWATCH in the background, and gives the connection back.
    pub(crate) fn forget_and_give_back(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let unwatched = self.connection.send_one(Form::Status, &[b"UNWATCH"]).await;
            if matches!(unwatched, Ok(Reply::Status("OK"))) {
                self.give_back();
            }
        });
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}
