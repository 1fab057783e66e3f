//! The writer's chores: syncs, saves, and the removal of expired keys.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use fjall::PersistMode;

use super::state::Writer;
use crate::store::embedded::argument::time;
use crate::store::embedded::disk::fault::Fault;

/// The time between two syncs with `Sync::EverySecond`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// The time between two looks at the background work while there is some.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait for an expiry. The clock may step.
const MAX_EXPIRY_WAIT: Duration = Duration::from_secs(60);

impl Writer {
    /// Does the work that is due besides clients' work: recovery, syncs, and the removal of expired
    /// keys.
    pub(super) fn do_chores(&mut self) {
        let done = catch_unwind(AssertUnwindSafe(|| self.try_chores()));
        if let Err(fault) = done.unwrap_or(Err(Fault::Panicked)) {
            tracing::warn!(%fault, "background work of the embedded store failed");
            self.recovery.recover_from(&fault);
        }
    }

    fn try_chores(&mut self) -> Result<(), Fault> {
        if self.recovery.make_writable().is_err() {
            return Ok(());
        }
        let Some(transaction) = self.recovery.transaction() else { return Ok(()) };
        if self.unsynced_since.is_some_and(|since| since.elapsed() >= SYNC_INTERVAL) {
            self.unsynced_since = None;
            transaction.database().persist(PersistMode::SyncData)?;
        }
        if std::mem::take(&mut self.save_is_due) {
            transaction.database().persist(PersistMode::SyncAll)?;
            self.shared.saved.note();
        }
        let now = time::now();
        if transaction.next_expiry().is_some_and(|next| next <= now) {
            transaction.sweep(now)?;
            self.recovery.settle();
        }
        Ok(())
    }

    /// The time that the thread may sleep while no job comes; `None` if it may sleep forever.
    pub(super) fn longest_wait(&mut self) -> Option<Duration> {
        let sync = self.unsynced_since.map(|since| SYNC_INTERVAL.saturating_sub(since.elapsed()));
        let retry = self.recovery.retry_wait();
        let (mut sweep, mut check) = (None, None);
        if retry.is_none()
            && let Some(transaction) = self.recovery.transaction()
        {
            let until = |next: u64| Duration::from_millis(next.saturating_sub(time::now()));
            sweep = transaction.next_expiry().map(|next| until(next).min(MAX_EXPIRY_WAIT));
            check = transaction.database().is_writing_out().then_some(CHECK_INTERVAL);
        }
        let look = self.recovery.look_wait().filter(|_| retry.is_none());
        [sync.filter(|_| retry.is_none()), retry, look, sweep, check].into_iter().flatten().min()
    }
}
