//! The state of the recovery.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store::embedded::disk::journal;
use crate::store::embedded::disk::reserve::Reserve;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::write::commit::transaction::Transaction;

/// The time between two looks for room.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(200);
/// The time between two openings.
pub(super) const REOPEN_INTERVAL: Duration = Duration::from_millis(500);
/// The room for a commit.
pub(super) const COMMIT_ROOM: usize = 1024 * 1024;

/// The writer's transaction, and the means to begin another one.
pub(crate) struct Recovery {
    pub(super) path: PathBuf,
    pub(super) scope: Scope,
    pub(super) last_depth: usize,
    pub(super) has_parts: bool,
    pub(super) shared: Arc<Shared>,
    pub(super) transaction: Option<Transaction>,
    /// The last commit that is known to have taken place.
    pub(super) settled: u64,
    pub(super) failure: Option<Failure>,
    pub(super) reserve: Reserve,
    /// Present while the reserve is given up.
    pub(super) scarcity: Option<Scarcity>,
    pub(super) opened_at: Instant,
}

/// The state while the disk is full.
pub(super) struct Scarcity {
    /// The time of the next look for room.
    pub(super) look_at: Instant,
    /// The last commit before the last merge.
    pub(super) merged: u64,
    /// The last commit at the last look.
    pub(super) seen: u64,
    /// The bytes that must stay free when the reserve is taken again.
    pub(super) margin: u64,
}

/// The reason why writes are refused.
pub(super) struct Failure {
    pub(super) why: Cow<'static, str>,
    pub(super) retry_at: Instant,
    pub(super) remedy: Remedy,
    pub(super) room: usize,
}

/// The remedy before writes are taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Open the database again with a new journal.
    Reopen,
    /// The same for a database that has just been opened.
    Renew,
}

impl Recovery {
    /// The transaction; `None` while the database is closed.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        self.transaction.as_mut()
    }

    /// Notes that all commits so far took place.
    pub(crate) fn settle(&mut self) {
        if let Some(transaction) = &self.transaction {
            self.settled = transaction.commit_number();
        }
    }

    /// The time until the next attempt; `None` if writes are possible.
    pub(crate) fn retry_wait(&self) -> Option<Duration> {
        let failure = self.failure.as_ref()?;
        Some(failure.retry_at.saturating_duration_since(Instant::now()))
    }

    /// Tells the next process that the last writes may not be on the disk.
    pub(crate) fn doubt(&self) {
        journal::doubt(&self.path);
    }
}
