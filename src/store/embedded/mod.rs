//! The embedded engine: a log-structured store in a directory of this process's own.
//!
//! Batches that only read run at once, on a snapshot of the committed data, and never wait for a
//! sync. All others go to the one [`writer`] thread, which commits many clients' batches
//! together. A client reads its own writes because it sends the next batch only after the
//! replies to the one before.

mod bits;
mod cache;
mod change;
mod clock;
mod counter;
mod cursor;
mod database;
mod directory;
mod editor;
mod expiry;
mod fault;
mod float;
mod glob;
mod group;
mod integer;
mod internals;
mod journal;
mod keys;
mod layout;
mod lcs;
mod merge;
mod object;
mod page;
mod probe;
mod random;
mod range;
mod read;
mod reader;
mod reading;
mod recent;
mod recovery;
mod refusal;
mod reserve;
mod rotation;
mod scan;
mod scope;
mod set;
mod shared;
mod string;
mod time;
mod transaction;
mod view;
mod watch;
mod watches;
mod write;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Semaphore, oneshot};

use self::fault::Fault;
pub(crate) use self::glob::matches as glob_matches;
use self::group::{Answer, Claim, Job, Work, failure, give_answers};
use self::reading::Done;
use self::recovery::Recovery;
use self::scope::Scope;
use self::shared::Shared;
pub(super) use self::watches::Watch;
use self::writer::Writer;
use crate::memory::Hold;
use crate::message::Reply;
use crate::store::operation::{Effect, Operation, Verb};
use crate::store::options::Options;
use crate::store::state::{Health, OpenError};

/// Bytes of batches that wait for the writer; a batch that finds no room waits before it.
const QUEUE: usize = 64 * 1024 * 1024;
/// The unit in which room in the queue is taken: a batch takes one at least.
const QUEUE_UNIT: usize = 1024;

/// The keys under one prefix of an open embedded store.
pub struct Embedded {
    core: Arc<Core>,
    scope: Arc<Scope>,
}

/// An open embedded store.
struct Core {
    shared: Arc<Shared>,
    timeout: Duration,
    room: Arc<Semaphore>,
    /// Readers of long values, at a time.
    readers: Semaphore,
    /// None once the store is closed.
    writer: Mutex<Option<WriterHandle>>,
}

/// The way to the writer's thread, which ends when this is dropped.
struct WriterHandle {
    jobs: mpsc::Sender<Job>,
    ended: oneshot::Receiver<()>,
}

impl Embedded {
    pub(super) fn open(path: &Path, options: Options) -> Result<Embedded, OpenError> {
        let scope = Arc::new(Scope::new(options.prefix, options.max_reply));
        let shared = Arc::new(Shared::new(options.watch_limit));
        let recovery = Recovery::open(
            path.to_owned(),
            scope.as_ref().clone(),
            options.last_depth,
            options.has_parts,
            Arc::clone(&shared),
        )
        .map_err(|fault| fault.at_open(path))?;
        let (jobs, waiting) = mpsc::channel();
        let (closing, closed) = oneshot::channel();
        let (groups, answers) = unbounded_channel();
        tokio::spawn(give_answers(answers));
        let writer = Writer::new(waiting, groups, Arc::clone(&shared), options.sync, recovery);
        std::thread::Builder::new()
            .name("kvsock-writer".to_owned())
            .spawn(move || {
                writer.run();
                // Nobody may wait for it.
                let _ = closing.send(());
            })
            .map_err(|error| Fault::from(error).at_open(path))?;
        let room = Arc::new(Semaphore::new(QUEUE / QUEUE_UNIT));
        let writer = Mutex::new(Some(WriterHandle { jobs, ended: closed }));
        let readers = std::thread::available_parallelism().map_or(1, |count| count.get() / 2);
        let readers = Semaphore::new(readers.max(1));
        let core = Core { shared, timeout: options.timeout, room, readers, writer };
        Ok(Embedded { core: Arc::new(core), scope })
    }

    /// See [`super::Store::part`].
    pub(super) fn part(&self, name: &[u8]) -> Embedded {
        Embedded { core: Arc::clone(&self.core), scope: Arc::new(self.scope.part(name)) }
    }

    /// See [`super::Store::execute_within`]. Gives the replies that there was room for, and the
    /// rest of the batch.
    pub(super) async fn execute(&self, batch: Vec<Operation>, hold: &mut Hold) -> Done {
        if !batch.iter().any(|it| is_for_writer(it.verb)) {
            return self.read(batch, hold).await;
        }
        if !batch.iter().any(takes_long) {
            return self.write(batch, hold).await;
        }
        // What takes long would keep the writer from others' batches.
        let mut replies = Vec::with_capacity(batch.len());
        let same = |one: &Operation, next: &Operation| takes_long(one) == takes_long(next);
        for part in batch.chunk_by(same) {
            let is_write = part.iter().any(|it| is_for_writer(it.verb));
            let part = part.to_vec();
            let (given, rest) =
                if is_write { self.write(part, hold).await } else { self.read(part, hold).await };
            replies.extend(given);
            if !rest.is_empty() {
                break;
            }
        }
        let rest = batch[replies.len()..].to_vec();
        (replies, rest)
    }

    pub(super) fn health(&self) -> Health {
        self.core.shared.health()
    }

    pub(super) async fn close(&self, limit: Duration) {
        let Some(writer) = self.writer().take() else { return };
        drop(writer.jobs);
        // Past the limit the process ends, and what is acknowledged is safe all the same.
        let _ = tokio::time::timeout(limit, writer.ended).await;
    }

    /// What the writer read it read between writes, and cannot read again.
    async fn write(&self, batch: Vec<Operation>, hold: &mut Hold) -> Done {
        let verbs: Vec<Verb> = batch.iter().map(|it| it.verb).collect();
        let replies = match self.submit(Work::Batch(batch), !verbs.contains(&Verb::Save)).await {
            Ok(answer) => answer.replies,
            Err(begun) => verbs
                .into_iter()
                .map(|verb| failure(verb.name(), verb.effect(), "timed out", begun))
                .collect(),
        };
        hold.force(replies.iter().map(Reply::data_len).sum());
        (replies, Vec::new())
    }

    /// Has the writer do `work`; waits no longer than is allowed if it is `timed`. The error
    /// tells whether it was begun.
    async fn submit(&self, work: Work, timed: bool) -> Result<Answer, bool> {
        let claim = Claim::default();
        let answer = self.send(work, claim.clone());
        let answer = if self.core.timeout.is_zero() || !timed {
            answer.await
        } else {
            tokio::time::timeout(self.core.timeout, answer).await.ok().flatten()
        };
        answer.ok_or_else(|| !claim.take())
    }

    /// Hands `work` to the writer; `None` if it is gone.
    async fn send(&self, work: Work, claim: Claim) -> Option<Answer> {
        let units = (1 + work.len() / QUEUE_UNIT).min(QUEUE / QUEUE_UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.core.room).acquire_many_owned(units).await.ok()?;
        let (answer, replies) = oneshot::channel();
        let job = Job::new(work, Arc::clone(&self.scope), claim, answer, room);
        self.writer().as_ref()?.jobs.send(job).ok()?;
        replies.await.ok()
    }

    fn writer(&self) -> MutexGuard<'_, Option<WriterHandle>> {
        self.core.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether only the writer can carry it out.
fn is_for_writer(verb: Verb) -> bool {
    verb.effect() != Effect::Read || matches!(verb, Verb::Save | Verb::BgSave)
}

/// Whether it is a read that looks at much.
fn takes_long(operation: &Operation) -> bool {
    !is_for_writer(operation.verb) && read::weight(operation) > read::MAX_IN_PLACE
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("health", &self.health()).finish_non_exhaustive()
    }
}
