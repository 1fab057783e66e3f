//! Threads for reads that would keep the serving thread too long. The number of threads is bounded,
//! and users share it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::store::Embedded;
use crate::account::{Account, Place};
use crate::command::table::spec::{Cost, Own};
use crate::store::embedded::disk::database::Database;
use crate::store::operation::Operation;

/// The time that a read beside the serving thread takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// A few milliseconds as a rule: a step of SCAN, which may have to pass many removed keys, or a
    /// long value.
    Short,
    /// In proportion to the number of keys, or to the bytes that are compared.
    Long,
}

impl Length {
    /// The length of a batch.
    pub(crate) fn of(batch: &[Operation]) -> Length {
        let is_long = |it: &Operation| {
            it.spec().cost == Cost::Product
                || matches!(it.own(), Own::Keys | Own::Size | Own::Clear)
        };
        if batch.iter().any(is_long) { Length::Long } else { Length::Short }
    }
}

/// The client that waits for the result of work on another thread.
pub(crate) struct Waiting<T>(oneshot::Sender<T>);

impl<T: Send + 'static> Waiting<T> {
    /// Does `work` on a thread that may block. Returns `None` if the work panicked.
    pub(crate) fn spawn(
        work: impl FnOnce(&Waiting<T>) -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> {
        let (sender, done) = oneshot::channel();
        let waiting = Waiting(sender);
        tokio::task::spawn_blocking(move || {
            let result = work(&waiting);
            // The client may be gone.
            let _ = waiting.0.send(result);
        });
        async { done.await.ok() }
    }

    /// Whether the client is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

impl Embedded {
    /// A place among the threads for long reads when the user's turn comes, or the reason why there
    /// is none.
    pub(crate) async fn place(
        &self,
        length: Length,
        account: &Arc<Account>,
    ) -> Result<Place, &'static str> {
        let core = &self.core;
        let places = match length {
            Length::Short => &core.short_reading,
            Length::Long => &core.reading,
        };
        if let Some(place) = places.try_take(account) {
            return Ok(place);
        }
        let place = places.take(account);
        if core.timeout.is_zero() {
            return Ok(place.await);
        }
        let place = tokio::time::timeout(core.timeout, place).await;
        place.map_err(|_| "timed out: too many long reads are under way")
    }

    /// The database. Waits while it is opened again.
    pub(crate) async fn database(&self) -> Option<Arc<Database>> {
        match self.core.shared.database() {
            None if self.core.timeout.is_zero() => self.core.shared.wait_for_database().await,
            None => {
                let waiting = self.core.shared.wait_for_database();
                tokio::time::timeout(self.core.timeout, waiting).await.ok().flatten()
            }
            database => database,
        }
    }
}
