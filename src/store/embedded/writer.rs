//! The writer thread: takes all batches that wait, carries them out in order, commits them
//! together with one sync, and only then answers.
//!
//! It alone writes, syncs, and waits for the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fjall::PersistMode;
use tokio::sync::mpsc::UnboundedSender;

use super::editor::Editor;
use super::fault::Fault;
use super::group::{Answered, Group, Job, Step};
use super::reader::Source;
use super::recovery::Recovery;
use super::refusal;
use super::scope::Scope;
use super::shared::Shared;
use super::time;
use super::transaction::Transaction;
use super::view::View;
use super::watches::Watch;
use super::write;
use crate::message::Reply;
use crate::store::operation::{Effect, Operation, Verb};
use crate::store::options::Sync;

/// Batches committed together, at most.
const MAX_JOBS: usize = 1_024;
/// How long a transaction may read, while everybody's writes wait for it.
const READING_TIME: Duration = Duration::from_millis(500);
/// Bytes committed together, at most, unless one value is longer.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Bytes that one transaction changes, at most, and one value besides.
const MAX_TRANSACTION: usize = 256 * 1024 * 1024;
/// With [`Sync::EverySecond`].
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How often the background work is looked after while there is some.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait for an expiry, since the clock may step.
const MAX_EXPIRY_WAIT: Duration = Duration::from_secs(60);

/// The state of the writer thread.
pub(super) struct Writer {
    jobs: Receiver<Job>,
    /// Whole groups of answers.
    answers: UnboundedSender<Vec<Answered>>,
    shared: Arc<Shared>,
    sync: Sync,
    recovery: Recovery,
    /// When the oldest commit was made that is not synced and must be.
    unsynced_since: Option<Instant>,
    /// Whether a client asked for the data to be on disk, without waiting for it.
    save_is_due: bool,
}

impl Writer {
    /// A writer for the jobs that come; the store is open.
    pub(super) fn new(
        jobs: Receiver<Job>,
        answers: UnboundedSender<Vec<Answered>>,
        shared: Arc<Shared>,
        sync: Sync,
        recovery: Recovery,
    ) -> Writer {
        Writer { jobs, answers, shared, sync, recovery, unsynced_since: None, save_is_due: false }
    }

    /// Serves until nobody can send jobs any more, then syncs and closes the store.
    pub(super) fn run(mut self) {
        loop {
            let wait = self.longest_wait();
            let first = match wait {
                None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => self.jobs.recv_timeout(wait),
            };
            match first {
                Ok(first) => self.serve(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.do_chores();
        }
        if let Some(transaction) = self.recovery.transaction()
            && let Err(fault) = transaction.database().persist(PersistMode::SyncAll)
        {
            tracing::warn!(%fault, "last sync of the embedded store failed");
            self.recovery.doubt();
        }
        self.recovery.finish();
    }

    fn serve(&mut self, first: Job) {
        let mut group = Group::new(self.gather(first));
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

    /// Adds what waits behind `first`, within bounds.
    fn gather(&self, first: Job) -> Vec<Job> {
        let mut len = first.len();
        let mut jobs = vec![first];
        while jobs.len() < MAX_JOBS && len < MAX_BYTES {
            match self.jobs.try_recv() {
                Ok(job) => {
                    len += job.len();
                    jobs.push(job);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        jobs
    }

    /// Carries out all of `group`. After an error, what is not settled may be committed or not.
    fn execute(&mut self, group: &mut Group) -> Result<(), Fault> {
        let is_scarce = self.recovery.is_scarce();
        while let Some((scope, step)) = group.next() {
            if is_scarce && !step.needs_no_room() {
                group.push(Reply::Error(Fault::NoSpace.into()));
                continue;
            }
            let reply = match step {
                Step::Operation(operation) if operation.verb.is_compound() => {
                    let operation = operation.clone();
                    self.commit(group)?;
                    self.execute_on_committed(&scope, &operation)?
                }
                Step::Operation(operation) => self.execute_one(&scope, operation, time::now())?,
                Step::Transaction(watch, batch) => self.transact(&scope, watch, batch)?,
                Step::Watch(watch, keys) => self.watch(&scope, watch, keys)?,
            };
            group.push(reply);
            let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
            if transaction.len() > MAX_BYTES {
                self.commit(group)?;
            }
        }
        self.commit(group)
    }

    /// Carries out an operation that is no compound one.
    fn execute_one(
        &mut self,
        scope: &Scope,
        operation: &Operation,
        now: u64,
    ) -> Result<Reply, Fault> {
        if operation.verb == Verb::BgSave {
            return Ok(self.save_soon(&operation.args));
        }
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        let shared = &*self.shared;
        Ok(write::execute(&mut Editor { transaction, scope, shared, now }, operation))
    }

    /// Carries out `batch` within one commit, unless what is watched has changed.
    fn transact(
        &mut self,
        scope: &Scope,
        watch: Option<&Watch>,
        batch: &[Operation],
    ) -> Result<Reply, Fault> {
        let now = time::now();
        if watch.is_some_and(|watch| watch.is_broken(now)) {
            return Ok(Reply::NilList);
        }
        let mut replies = Vec::with_capacity(batch.len());
        let (begun, mut read) = (Instant::now(), 0_usize);
        for operation in batch {
            let verb = operation.verb;
            let len = self.recovery.transaction().ok_or(Fault::Poisoned)?.len();
            let is_read = verb.effect() == Effect::Read;
            let reply = if is_read && begun.elapsed() > READING_TIME {
                Reply::failed("transaction takes too long: it reads no more")
            } else if is_read && let Err(error) = scope.check_len(read, "") {
                Reply::Error(error)
            } else if verb.is_compound() {
                Reply::failed(format!("{} is not possible in a transaction", verb.name()))
            } else if len > MAX_TRANSACTION && verb.effect() != Effect::Read {
                Reply::failed(format!("transaction longer than {MAX_TRANSACTION} bytes"))
            } else {
                self.execute_one(scope, operation, now)?
            };
            read += reply.data_len();
            replies.push(reply);
        }
        Ok(Reply::Array(replies))
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
        match options {
            [] => {}
            [option] if option.eq_ignore_ascii_case(b"SCHEDULE") => {}
            _ => return Reply::Error(refusal::syntax()),
        }
        self.save_is_due = true;
        Reply::Status("Background saving started")
    }

    /// Operations on the whole store: nothing is uncommitted.
    fn execute_on_committed(
        &mut self,
        scope: &Scope,
        operation: &Operation,
    ) -> Result<Reply, Fault> {
        let mode = self.mode();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        match operation.verb {
            Verb::Save => {
                transaction.database().persist(PersistMode::SyncAll)?;
                self.shared.note_saved();
            }
            Verb::Clear => {
                let database = Arc::clone(transaction.clear(scope, time::now(), mode)?);
                self.shared.publish(Some(Arc::clone(&database)));
                self.recovery.settle();
                self.note_unsynced();
                if let Err(fault) = database.remove_other_generations() {
                    tracing::warn!(%fault, "cleared data stays on disk until the next start");
                }
            }
            _ => {
                let epoch = self.shared.cache.epoch();
                let view = View::new(transaction.database(), scope, &self.shared, epoch);
                return Ok(view.execute(operation, time::now()));
            }
        }
        Ok(Reply::OK)
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), Fault> {
        let mode = self.mode();
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
            self.shared.note_saved();
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
