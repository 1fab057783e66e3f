//! Connections that one client has for itself for a while: for what it watches, and for scripts,
//! whose replies could end a connection that others share.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::Cmd;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::link::Link;
use super::single::Single;
use super::target::Target;
use crate::message::Reply;

/// Connections at a time.
const MOST: usize = 64;
/// How many of them the clients of one user may watch on.
pub(in crate::store) const WATCHERS_OF_A_USER: usize = MOST * 3 / 4;
/// Connections that are kept when nobody has them.
const KEPT: usize = 8;

/// The connections beside the shared one.
#[derive(Debug)]
pub(super) struct Pool {
    target: Arc<Target>,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Arc<Single>>>,
}

/// A connection that is somebody's until it is given back. Dropped, it is closed.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Arc<Single>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// No connection yet.
    pub(super) fn new(target: Arc<Target>) -> Pool {
        let free = Arc::new(Semaphore::new(MOST));
        Pool { target, free, idle: Mutex::default() }
    }

    /// A connection, waiting for one until `deadline`, or without end.
    ///
    /// # Errors
    ///
    /// Why there is none. Nothing was sent.
    pub(super) async fn take(
        self: &Arc<Pool>,
        link: &Link,
        deadline: Option<Instant>,
    ) -> Result<Lease, Cow<'static, str>> {
        let permit = within(deadline, Arc::clone(&self.free).acquire_owned()).await;
        let Some(Ok(permit)) = permit else {
            return Err(format!("all {MOST} connections for WATCH and scripts are taken").into());
        };
        let connection = match self.idle_one() {
            Some(connection) => connection,
            None => self.connect(link, deadline).await?,
        };
        Ok(Lease { connection, pool: Arc::clone(self), _permit: permit })
    }

    async fn connect(
        &self,
        link: &Link,
        deadline: Option<Instant>,
    ) -> Result<Arc<Single>, Cow<'static, str>> {
        loop {
            // While the server is away the link knows, and waits better.
            link.connection(deadline).await?;
            match self.target.connect_single().await {
                Err(_) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {
                    tokio::time::sleep(super::RETRY_WAIT).await;
                }
                made => return made,
            }
        }
    }

    fn idle_one(&self) -> Option<Arc<Single>> {
        let mut idle = self.idle();
        idle.retain(|connection| connection.ending().cause().is_none());
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Single>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Gives the connection back. It must be as it was when it was made.
    pub(super) fn give_back(self) {
        let mut idle = self.pool.idle();
        if idle.len() < KEPT && self.connection.ending().cause().is_none() {
            idle.push(Arc::clone(&self.connection));
        }
    }

    /// Lets the server forget what is watched, in the background, and gives the connection back.
    pub(super) fn forget_and_give_back(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let mut unwatch = Cmd::new();
            unwatch.arg("UNWATCH");
            if matches!(self.connection.ask(unwatch).await, Ok(Reply::Status("OK"))) {
                self.give_back();
            }
        });
    }
}

impl Deref for Lease {
    type Target = Single;

    fn deref(&self) -> &Single {
        &self.connection
    }
}

async fn within<T>(deadline: Option<Instant>, wait: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, wait).await.ok(),
        None => Some(wait.await),
    }
}
