//! The state of the writer thread.

use std::sync::Arc;
use std::time::Instant;

use fjall::PersistMode;
use tokio::sync::mpsc::UnboundedSender;

use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::write::job::Answered;
use crate::store::embedded::write::queue::Queue;
use crate::store::embedded::write::ration::Rations;
use crate::store::embedded::write::recovery::state::Recovery;
use crate::store::options::Sync;

/// The state of the writer thread.
pub(crate) struct Writer {
    pub(super) queue: Arc<Queue>,
    /// The answers of whole groups.
    pub(super) answers: UnboundedSender<Vec<Answered>>,
    pub(super) shared: Arc<Shared>,
    pub(super) sync: Sync,
    pub(super) recovery: Recovery,
    pub(super) rations: Rations,
    /// The time of the oldest commit that is not synced and must be.
    pub(super) unsynced_since: Option<Instant>,
    /// Whether a client asked for a save without waiting for it.
    pub(super) save_is_due: bool,
    /// Whether the last commit was a large one.
    pub(super) was_large: bool,
    /// Whether the uncommitted steps are only removals of an unfinished `FLUSHDB`.
    pub(super) is_removal: bool,
}

impl Writer {
    /// A writer for the jobs of `queue`. The store is open.
    pub(crate) fn new(
        queue: Arc<Queue>,
        answers: UnboundedSender<Vec<Answered>>,
        shared: Arc<Shared>,
        sync: Sync,
        recovery: Recovery,
    ) -> Writer {
        Writer {
            queue,
            answers,
            shared,
            sync,
            recovery,
            rations: Rations::default(),
            unsynced_since: None,
            save_is_due: false,
            was_large: false,
            is_removal: true,
        }
    }

    /// The way in which a commit is persisted before the reply.
    pub(super) fn mode(&self) -> PersistMode {
        match self.sync {
            Sync::Always => PersistMode::SyncData,
            Sync::EverySecond | Sync::No => PersistMode::Buffer,
        }
    }

    pub(super) fn note_unsynced(&mut self) {
        if self.sync == Sync::EverySecond {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
    }
}
