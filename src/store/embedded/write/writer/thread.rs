//! The loop of the writer thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use fjall::PersistMode;

use super::state::Writer;
use super::step::Done;
use crate::message::Reply;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::types::weight::PIECE;
use crate::store::embedded::write::commit::transaction::Transaction;
use crate::store::embedded::write::group::Group;
use crate::store::embedded::write::job::Job;
use crate::store::embedded::write::queue::Next;

/// The most jobs of one commit.
const MAX_JOBS: usize = 1_024;
/// The most bytes of one commit, unless one value is longer.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The most bytes of one commit while other users wait. A longer job has a commit of its own, after
/// which shorter jobs come first. So these wait for at most one large commit.
pub(super) const MAX_BYTES_SHARED: usize = 1024 * 1024;

impl Writer {
    /// Serves until the queue is closed, then syncs and closes the store.
    pub(crate) fn run(mut self) {
        loop {
            match self.next() {
                Next::Job(first) => self.serve(first),
                Next::Nothing => {}
                Next::Closed => break,
            }
            self.do_chores();
        }
        self.keep_cursors();
        if let Some(transaction) = self.recovery.transaction()
            && let Err(fault) = transaction.database().persist(PersistMode::SyncAll)
        {
            tracing::warn!(%fault, "last sync of the embedded store failed");
            self.recovery.doubt();
        }
        self.recovery.finish();
    }

    /// The job that begins the next commit.
    fn next(&mut self) -> Next {
        let transaction = self.recovery.transaction();
        let is_behind = transaction.is_some_and(|it| it.database().is_behind());
        self.rations.set_in_force(is_behind);
        let rations = &self.rations;
        let is_small = |job: &Job| job.len() <= MAX_BYTES_SHARED && rations.allow(job);
        if std::mem::take(&mut self.was_large)
            && let Some(job) = self.queue.try_next(is_small)
        {
            return Next::Job(job);
        }
        let wait = self.longest_wait();
        self.queue.next(wait, |job| self.rations.allow(job))
    }

    /// Keeps the cursors, so that iterations go on in the next process.
    fn keep_cursors(&mut self) {
        if let Some(cursors) = self.shared.cursors.save()
            && let Some(transaction) = self.recovery.transaction()
            && let Err(fault) = transaction.database().keep_cursors(&cursors)
        {
            tracing::warn!(%fault, "iterations over the embedded store have to begin again");
        }
    }

    fn serve(&mut self, first: Job) {
        let mut group = Group::default();
        self.rations.take(&first);
        group.add(first);
        self.shared.clock.stop();
        if let Err(why) = self.recovery.make_writable() {
            group.fail(&why, false);
        } else {
            let done = catch_unwind(AssertUnwindSafe(|| self.execute(&mut group)));
            if let Err(fault) = done.unwrap_or(Err(Fault::Panicked)) {
                let why = fault.to_string();
                let unknown = self.recovery.recover_from(&fault);
                group.fail(&why, unknown);
            }
        }
        self.shared.clock.go_on();
        // Without the runtime no client waits.
        let _ = self.answers.send(group.answers());
        self.recovery.transaction().into_iter().for_each(Transaction::end_change);
    }

    /// Carries out `group` together with more waiting jobs, until they are many or other users have
    /// waited for long. For these the rest of a batch is put back into the queue. After an error
    /// the steps without a final reply may be committed or not.
    fn execute(&mut self, group: &mut Group) -> Result<(), Fault> {
        let is_scarce = self.recovery.is_scarce();
        let begun = Instant::now();
        loop {
            while let Some((scope, user, step)) = group.next() {
                if is_scarce && !step.needs_no_room() {
                    group.push(Reply::Error(Fault::NoSpace.into()));
                    continue;
                }
                match self.step(&scope, user, step)? {
                    Done::Reply(reply) => group.push(reply),
                    Done::Not(outcome) => group.push_outcome(outcome),
                    Done::OnCommitted => {
                        self.commit(group)?;
                        let Some((scope, user, step)) = group.next() else { break };
                        let done = self.step_on_committed(&scope, user, step)?;
                        match done {
                            Ok(reply) => group.push(reply),
                            Err(outcome) => group.push_outcome(outcome),
                        }
                        if self.recovery.transaction().is_some_and(|it| it.len() == 0) {
                            group.settle();
                        }
                    }
                }
                let len = self.recovery.transaction().ok_or(Fault::Poisoned)?.len();
                if len > MAX_BYTES {
                    self.commit(group)?;
                }
                let is_long = begun.elapsed() > PIECE && !self.queue.is_empty();
                if is_long || len >= MAX_BYTES_SHARED && self.queue.has_others(user) {
                    break;
                }
            }
            let len = self.recovery.transaction().ok_or(Fault::Poisoned)?.len();
            let is_shared = group.last().is_some_and(|job| self.queue.has_others(job.uid()));
            let most = if is_shared { MAX_BYTES_SHARED } else { MAX_BYTES };
            let is_much = group.len() >= MAX_JOBS || len >= most || begun.elapsed() > PIECE;
            if is_much {
                break;
            }
            let may = |job: &Job| job.len() <= most - len && self.rations.allow(job);
            let Some(job) = self.queue.try_next(may) else { break };
            self.rations.take(&job);
            group.add(job);
        }
        let len = self.recovery.transaction().map_or(0, |transaction| transaction.len());
        self.was_large = len >= MAX_BYTES_SHARED;
        self.commit(group)?;
        group.suspend().into_iter().for_each(|job| self.queue.put_back(job));
        Ok(())
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), Fault> {
        // FLUSHDB is answered after its last part, and that part is synced.
        let mode = if self.is_removal { PersistMode::Buffer } else { self.mode() };
        self.is_removal = true;
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        if transaction.commit(mode)? {
            self.note_unsynced();
        }
        self.recovery.settle();
        group.settle();
        Ok(())
    }
}
