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

/// Between two looks for room.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(200);
/// Between two openings.
pub(super) const REOPEN_INTERVAL: Duration = Duration::from_millis(500);
/// Room that a commit needs.
pub(super) const COMMIT_ROOM: usize = 1024 * 1024;

/// The writer's transaction, and how to come by another one.
pub(crate) struct Recovery {
    pub(super) path: PathBuf,
    pub(super) scope: Scope,
    pub(super) last_depth: usize,
    pub(super) has_parts: bool,
    pub(super) shared: Arc<Shared>,
    pub(super) transaction: Option<Transaction>,
    /// The last commit that is known to be in the database.
    pub(super) settled: u64,
    pub(super) failure: Option<Failure>,
    pub(super) reserve: Reserve,
    /// While the reserve is given up.
    pub(super) scarcity: Option<Scarcity>,
    pub(super) opened_at: Instant,
}

/// The disk is full: only what frees room is written.
pub(super) struct Scarcity {
    /// When to look for room again.
    pub(super) look_at: Instant,
    /// The last commit whose removals were made good use of.
    pub(super) merged: u64,
    /// The last commit at the last look.
    pub(super) seen: u64,
    /// Bytes that must be left beside the reserve before it is taken again.
    pub(super) margin: u64,
}

/// Why there are no writes now.
pub(super) struct Failure {
    pub(super) why: Cow<'static, str>,
    pub(super) retry_at: Instant,
    pub(super) remedy: Remedy,
    pub(super) room: usize,
}

/// What must be done before there are writes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// To open the database again, with another journal.
    Reopen,
    /// The same, though it has just been opened.
    Renew,
}

impl Recovery {
    /// The transaction, unless the store is closed for now.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        self.transaction.as_mut()
    }

    /// Notes that all commits so far took place.
    pub(crate) fn settle(&mut self) {
        if let Some(transaction) = &self.transaction {
            self.settled = transaction.commit_number();
        }
    }

    /// How long until the next attempt, if writes fail now.
    pub(crate) fn retry_wait(&self) -> Option<Duration> {
        let failure = self.failure.as_ref()?;
        Some(failure.retry_at.saturating_duration_since(Instant::now()))
    }

    /// Tells the next process that what is written last may not be on the disk.
    pub(crate) fn doubt(&self) {
        journal::doubt(&self.path);
    }
}
