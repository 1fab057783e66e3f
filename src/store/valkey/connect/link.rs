//! Keeps the shared connection to one server: makes it, notices its end, and makes it again.
//! Requests take the connection here, or wait for it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::outage::Outage;
use super::target::Target;
use crate::store::state::Health;
use crate::store::valkey::wire::connection::Connection;

/// The most batches that wait for a connection at a time.
const MAX_WAITING: usize = 100_000;

/// After a connection that lived this long, the next attempt follows at once.
const GOOD_LIFE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
enum State {
    Down(Cow<'static, str>),
    Up(Arc<Connection>),
}

/// The shared connection to one server, or the cause of its absence.
#[derive(Debug)]
pub(crate) struct Link {
    state: watch::Sender<State>,
    waiting: AtomicUsize,
}

impl Link {
    /// A link that is down until [`Link::keep`] runs.
    pub(crate) fn new() -> Link {
        let (state, _) = watch::channel(State::Down("not connected yet".into()));
        Link { state, waiting: AtomicUsize::new(0) }
    }

    /// Keeps the connection up; never ends. `name` names the server in the log.
    pub(crate) async fn keep(&self, target: &dyn Target, name: String) {
        let mut backoff = Backoff::default();
        let mut outage = Outage::default();
        loop {
            let cause = match target.connect().await {
                Ok(connection) => {
                    outage.end(&name);
                    let cause = self.hold(connection, &mut backoff).await;
                    tracing::debug!(store = name, %cause, "connection to the store ended");
                    cause
                }
                Err(cause) => cause,
            };
            outage.note(&name, cause.clone());
            self.state.send_replace(State::Down(cause));
            tokio::select! {
                () = tokio::time::sleep(backoff.next_wait()) => {}
                () = target.moved() => {}
            }
        }
    }

    /// Offers the connection until it ends or retires, and gives the cause.
    async fn hold(&self, connection: Arc<Connection>, backoff: &mut Backoff) -> Cow<'static, str> {
        let made = Instant::now();
        self.state.send_replace(State::Up(Arc::clone(&connection)));
        let cause = connection.leaving().await;
        if made.elapsed() > GOOD_LIFE {
            backoff.reset();
        }
        cause
    }

    /// The connection. While the link is down, waits for it until `deadline`, or without limit.
    ///
    /// # Errors
    ///
    /// The cause of the outage. Nothing was sent.
    pub(crate) async fn connection(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Arc<Connection>, Cow<'static, str>> {
        if let Some(connection) = self.state.borrow().live() {
            return Ok(Arc::clone(connection));
        }
        let _place = Place::take(&self.waiting)?;
        let mut states = self.state.subscribe();
        let up = async {
            let state = states.wait_for(|state| state.live().is_some()).await.ok()?;
            state.live().map(Arc::clone)
        };
        let found = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, up).await.ok().flatten(),
            None => up.await,
        };
        found.ok_or_else(|| self.down().unwrap_or(Cow::Borrowed("connection lost")))
    }

    /// The connection, if it is up.
    pub(crate) fn live(&self) -> Option<Arc<Connection>> {
        self.state.borrow().live().map(Arc::clone)
    }

    /// The cause of the outage; `None` if the connection is up.
    pub(crate) fn down(&self) -> Option<Cow<'static, str>> {
        match &*self.state.borrow() {
            State::Down(cause) => Some(cause.clone()),
            State::Up(connection) => connection.left().cloned(),
        }
    }

    /// Calls `tell` at each change with whether the connection is up; never ends.
    pub(crate) async fn watch(&self, tell: impl Fn(bool)) {
        let mut states = self.state.subscribe();
        while states.changed().await.is_ok() {
            let is_up = states.borrow_and_update().live().is_some();
            tell(is_up);
        }
    }

    /// Whether the connection is up, as last seen.
    pub(crate) fn health(&self) -> Health {
        self.down().map_or(Health::Up, |cause| Health::Down(cause.into_owned()))
    }
}

impl State {
    fn live(&self) -> Option<&Arc<Connection>> {
        match self {
            State::Up(connection) if connection.left().is_none() => Some(connection),
            _ => None,
        }
    }
}

/// A place among the waiting batches, freed when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Place<'_> {
    fn take(waiting: &AtomicUsize) -> Result<Place<'_>, Cow<'static, str>> {
        let place = Place(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING {
            Ok(place)
        } else {
            Err(format!("{MAX_WAITING} requests wait for it already").into())
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
