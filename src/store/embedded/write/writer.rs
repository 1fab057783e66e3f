//! The writer thread: takes all batches that wait, carries them out in order, commits them
//! together with one sync, and only then answers.
//!
//! It alone writes, syncs, and waits for the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fjall::PersistMode;
use tokio::sync::mpsc::UnboundedSender;

use super::commit::transaction::Transaction;
use super::evaluation::evaluate::{Evaluated, Prepared, Setting, evaluate};
use super::group::{Answered, Group, Job, Outcome, Step};
use super::queue::{Next, Queue};
use super::recovery::Recovery;
use crate::message::Reply;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::argument::time;
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::read::snapshot::View;
use crate::store::embedded::types::editor::{Editor, Target};
use crate::store::embedded::types::weight::{PIECE, looks_at_all};
use crate::store::embedded::types::{reads, writes};
use crate::store::operation::{Operation, Verb};
use crate::store::options::Sync;

/// Batches committed together, at most.
const MAX_JOBS: usize = 1_024;
/// Bytes committed together, at most, unless one value is longer.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The same while other users wait.
const MAX_BYTES_SHARED: usize = 1024 * 1024;
/// With [`Sync::EverySecond`].
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How often the background work is looked after while there is some.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait for an expiry, since the clock may step.
const MAX_EXPIRY_WAIT: Duration = Duration::from_secs(60);

/// What became of a step.
enum Done {
    Reply(Reply),
    /// It was not carried out.
    Not(Outcome),
    /// It needs [`Writer::step_on_committed`].
    OnCommitted,
}

/// The state of the writer thread.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    /// Whole groups of answers.
    answers: UnboundedSender<Vec<Answered>>,
    shared: Arc<Shared>,
    sync: Sync,
    recovery: Recovery,
    /// When the oldest commit was made that is not synced and must be.
    unsynced_since: Option<Instant>,
    /// Whether a client asked for the data to be on disk, without waiting for it.
    save_is_due: bool,
    /// Whether all that is not committed are removals that nobody was told of as done.
    is_removal: bool,
}

impl Writer {
    /// A writer for the jobs that come; the store is open.
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
            unsynced_since: None,
            save_is_due: false,
            is_removal: true,
        }
    }

    /// Serves until nobody can send jobs any more, then syncs and closes the store.
    pub(crate) fn run(mut self) {
        loop {
            let wait = self.longest_wait();
            match self.queue.next(wait) {
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

    /// Lets the next process go on with the iterations of this one.
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
        // Nobody waits any more when the runtime is gone.
        let _ = self.answers.send(group.answers());
        self.recovery.transaction().into_iter().for_each(Transaction::end_change);
    }

    /// Carries out `group`, with what else waits: until it is much, or others wait for long, for
    /// whom the rest of a batch is put back. After an error, what is not settled may be committed
    /// or not.
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
                let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
                if transaction.len() > MAX_BYTES {
                    self.commit(group)?;
                }
                if begun.elapsed() > PIECE && !self.queue.is_empty() {
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
            let Some(job) = self.queue.try_next() else { break };
            group.add(job);
        }
        self.commit(group)?;
        group.suspend().into_iter().for_each(|job| self.queue.put_back(job));
        Ok(())
    }

    /// Carries out one step, unless nothing may be uncommitted then.
    fn step(&mut self, scope: &Scope, user: Option<u32>, step: Step<'_>) -> Result<Done, Fault> {
        let now = time::now();
        self.is_removal &= matches!(step, Step::Remove(_));
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        Ok(match step {
            Step::Operation(operation) if operation.verb.is_compound() => Done::OnCommitted,
            Step::Operation(operation) if operation.verb == Verb::BgSave => {
                Done::Reply(self.save_soon(&operation.args))
            }
            Step::Operation(operation) => {
                let Shared { cursors, saved, .. } = &*self.shared;
                let target = Target(transaction);
                let mut editor = Editor { target, scope, cursors, saved, now, user };
                Done::Reply(writes::execute(&mut editor, operation))
            }
            Step::Transaction(_, batch) if looks_at_all(batch) => Done::OnCommitted,
            Step::Transaction(watch, batch) => {
                let shared = Arc::clone(&self.shared);
                let setting = Setting { scope, shared: &shared, now, user };
                self.transact(setting, watch, batch)?
            }
            Step::Prepared(prepared) if prepared.evaluated.clears_all() => Done::OnCommitted,
            Step::Prepared(prepared) => self.apply(prepared, now)?,
            Step::Watch(watch, keys) => Done::Reply(self.watch(scope, watch, keys)?),
            Step::Remove([]) | Step::Clear => Done::OnCommitted,
            Step::Remove(keys) => {
                transaction.remove_all(keys, now)?;
                Done::Reply(Reply::OK)
            }
        })
    }

    /// Carries out `batch` within one commit, unless what is watched has changed.
    fn transact(
        &mut self,
        setting: Setting<'_>,
        watch: Option<&Watch>,
        batch: &[Operation],
    ) -> Result<Done, Fault> {
        if watch.is_some_and(|watch| watch.is_broken(setting.now)) {
            return Ok(Done::Reply(Reply::NilList));
        }
        let begun = Instant::now();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        let is_late = || begun.elapsed() > PIECE;
        let Some(mut evaluated) = evaluate(setting, transaction, None, batch, is_late) else {
            return Ok(Done::Not(Outcome::TooLong));
        };
        self.apply_evaluated(&mut evaluated, setting.now)?;
        Ok(Done::Reply(Reply::Array(evaluated.replies)))
    }

    /// Applies what was evaluated beside, unless what it read has changed.
    fn apply(&mut self, prepared: &mut Prepared, now: u64) -> Result<Done, Fault> {
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        if prepared.watch.as_ref().is_some_and(|watch| watch.is_broken(now)) {
            return Ok(Done::Reply(Reply::NilList));
        }
        if !transaction.allows(prepared, now) {
            return Ok(Done::Not(Outcome::Conflict));
        }
        self.apply_evaluated(&mut prepared.evaluated, now)?;
        let replies = std::mem::take(&mut prepared.evaluated.replies);
        Ok(Done::Reply(Reply::Array(replies)))
    }

    /// Nothing may be uncommitted if it removes all keys.
    fn apply_evaluated(&mut self, evaluated: &mut Evaluated, now: u64) -> Result<(), Fault> {
        let mode = self.mode();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        if evaluated.clears_all() {
            let database = Arc::clone(transaction.clear(now, mode, Some(evaluated))?);
            self.go_over_to(&database);
        } else {
            transaction.apply(evaluated)?;
        }
        self.save_is_due |= evaluated.saves;
        Ok(())
    }

    /// All keys are gone, and those set since are in `database`.
    fn go_over_to(&mut self, database: &Arc<Database>) {
        self.shared.publish(Some(Arc::clone(database)));
        self.recovery.settle();
        self.note_unsynced();
        if let Err(fault) = database.remove_other_generations() {
            tracing::warn!(%fault, "cleared data stays on disk until the next start");
        }
    }

    /// Lets `watch` see all changes of `keys` from here on.
    fn watch(&mut self, scope: &Scope, watch: &mut Watch, keys: &[Bytes]) -> Result<Reply, Fault> {
        let now = time::now();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        // A key that is too long to be stored never changes.
        for stored in keys.iter().filter_map(|key| scope.stored(key)) {
            let live = transaction.record(&stored)?.filter(|record| !record.is_expired(now));
            watch.add(stored, live.and_then(|record| record.expires));
        }
        Ok(Reply::OK)
    }

    /// Begins to save as soon as what waits is answered.
    fn save_soon(&mut self, options: &[Bytes]) -> Reply {
        let reply = refusal::save_options(options);
        self.save_is_due |= reply.is_ok();
        reply.unwrap_or_else(Reply::Error)
    }

    /// Carries out what looks at all of the store: nothing is uncommitted.
    fn step_on_committed(
        &mut self,
        scope: &Scope,
        user: Option<u32>,
        step: Step<'_>,
    ) -> Result<Result<Reply, Outcome>, Fault> {
        let (mode, now) = (self.mode(), time::now());
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        let epoch = self.shared.cache.epoch();
        match step {
            Step::Operation(operation) if operation.verb == Verb::Save => {
                transaction.database().persist(PersistMode::SyncAll)?;
                self.shared.saved.note();
            }
            Step::Operation(operation) => {
                let view = View::new(transaction.database(), scope, &self.shared, epoch);
                return Ok(Ok(reads::execute_on(&view, operation, now, user)));
            }
            Step::Transaction(watch, batch) => {
                if watch.is_some_and(|watch| watch.is_broken(now)) {
                    return Ok(Ok(Reply::NilList));
                }
                let begun = Instant::now();
                let database = Arc::clone(transaction.database());
                let view = View::new(&database, scope, &self.shared, epoch);
                let setting = Setting { scope, shared: &self.shared, now, user };
                let is_late = || begun.elapsed() > PIECE;
                let evaluated = evaluate(setting, &view, Some(&view), batch, is_late);
                let Some(mut evaluated) = evaluated else { return Ok(Err(Outcome::TooLong)) };
                self.apply_evaluated(&mut evaluated, now)?;
                return Ok(Ok(Reply::Array(evaluated.replies)));
            }
            Step::Clear => {
                let database = Arc::clone(transaction.clear(now, mode, None)?);
                self.go_over_to(&database);
            }
            Step::Remove(_) => transaction.database().persist(mode)?,
            Step::Prepared(prepared) => {
                return Ok(match self.apply(prepared, now)? {
                    Done::Not(outcome) => Err(outcome),
                    Done::Reply(reply) => Ok(reply),
                    Done::OnCommitted => Ok(Reply::Nil),
                });
            }
            Step::Watch(..) => {}
        }
        Ok(Ok(Reply::OK))
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), Fault> {
        // FLUSHDB is answered once its last part is done, and that is synced.
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

    /// What a commit does before its reply.
    fn mode(&self) -> PersistMode {
        match self.sync {
            Sync::Always => PersistMode::SyncData,
            Sync::EverySecond | Sync::No => PersistMode::Buffer,
        }
    }

    fn note_unsynced(&mut self) {
        if self.sync == Sync::EverySecond {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
    }

    /// What is due besides the clients' work: recovery, syncs, removing expired keys.
    fn do_chores(&mut self) {
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

    /// How long the thread may sleep when no job comes; `None` for as long as it likes.
    fn longest_wait(&mut self) -> Option<Duration> {
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
