//! The embedded engine: a log-structured store in a directory of this process's own.
//!
//! Batches that only read run at once, on a snapshot of the committed data, and never wait for a
//! sync. All others go to the one [`writer`] thread, which commits many clients' batches
//! together. A client reads its own writes because it sends the next batch only after the
//! replies to the one before.

mod database;
mod directory;
mod expiry;
mod fault;
mod glob;
mod group;
mod layout;
mod probe;
mod read;
mod recent;
mod recovery;
mod scope;
mod shared;
mod transaction;
mod watch;
mod write;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use self::database::Database;
use self::fault::Fault;
pub(crate) use self::glob::matches as glob_matches;
use self::group::{Claim, Job, failure};
use self::read::View;
use self::recovery::Recovery;
use self::scope::Scope;
use self::shared::Shared;
pub(super) use self::watch::Watch;
use self::writer::Writer;
use crate::message::Reply;
use crate::store::integer;
use crate::store::operation::{Effect, Operation, Verb};
use crate::store::options::Options;
use crate::store::state::{Health, OpenError};

/// Bytes of batches that wait for the writer; a batch that finds no room waits before it.
const QUEUE: usize = 64 * 1024 * 1024;
/// The unit in which room in the queue is taken: a batch takes one at least.
const QUEUE_UNIT: usize = 1024;
/// Operations that read and are carried out in place; more of them go to a thread of their own.
const MAX_IN_PLACE: usize = 64;

/// An open embedded store.
pub struct Embedded {
    shared: Arc<Shared>,
    scope: Scope,
    timeout: Duration,
    room: Arc<Semaphore>,
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
        let scope = Scope::new(options.prefix, options.max_reply);
        let shared = Arc::new(Shared::new());
        let recovery =
            Recovery::open(path.to_owned(), scope.clone(), options.last_depth, Arc::clone(&shared))
                .map_err(|fault| fault.at_open(path))?;
        let (jobs, waiting) = mpsc::channel();
        let (closing, closed) = oneshot::channel();
        let writer =
            Writer::new(waiting, Arc::clone(&shared), scope.clone(), options.sync, recovery);
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
        Ok(Embedded { shared, scope, timeout: options.timeout, room, writer })
    }

    pub(super) async fn execute(&self, batch: Vec<Operation>) -> Vec<Reply> {
        if batch.iter().all(|it| it.verb.effect() == Effect::Read && it.verb != Verb::Save) {
            self.read(batch).await
        } else {
            self.write(batch).await
        }
    }

    pub(super) fn health(&self) -> Health {
        self.shared.health()
    }

    pub(super) async fn close(&self, limit: Duration) {
        let Some(writer) = self.writer().take() else { return };
        drop(writer.jobs);
        // Past the limit the process ends, and what is acknowledged is safe all the same.
        let _ = tokio::time::timeout(limit, writer.ended).await;
    }

    async fn read(&self, batch: Vec<Operation>) -> Vec<Reply> {
        let Some(database) = self.database().await else {
            return failures(&batch, "being opened again", false);
        };
        let is_long = |verb| matches!(verb, Verb::Keys | Verb::Last | Verb::Size);
        if batch.len() <= MAX_IN_PLACE && !batch.iter().any(|it| is_long(it.verb)) {
            return read(&database, &self.scope, &self.shared, &batch);
        }
        let verbs: Vec<Verb> = batch.iter().map(|it| it.verb).collect();
        let (scope, shared) = (self.scope.clone(), Arc::clone(&self.shared));
        let reading = tokio::task::spawn_blocking(move || read(&database, &scope, &shared, &batch));
        reading.await.unwrap_or_else(|_| {
            verbs.into_iter().map(|verb| failure(verb, "internal error", false)).collect()
        })
    }

    /// The database, waiting for it while it is opened again.
    async fn database(&self) -> Option<Arc<Database>> {
        match self.shared.database() {
            None if self.timeout.is_zero() => self.shared.wait_for_database().await,
            None => {
                let waiting = self.shared.wait_for_database();
                tokio::time::timeout(self.timeout, waiting).await.ok().flatten()
            }
            database => database,
        }
    }

    async fn write(&self, batch: Vec<Operation>) -> Vec<Reply> {
        let verbs: Vec<Verb> = batch.iter().map(|it| it.verb).collect();
        let claim = Claim::default();
        let replies = self.send(batch, claim.clone());
        let replies = if self.timeout.is_zero() || verbs.contains(&Verb::Save) {
            replies.await
        } else {
            tokio::time::timeout(self.timeout, replies).await.ok().flatten()
        };
        replies.unwrap_or_else(|| {
            let begun = !claim.take();
            verbs.into_iter().map(|verb| failure(verb, "timed out", begun)).collect()
        })
    }

    /// Hands `batch` to the writer; `None` if it is gone.
    async fn send(&self, batch: Vec<Operation>, claim: Claim) -> Option<Vec<Reply>> {
        let units = (1 + group::len(&batch) / QUEUE_UNIT).min(QUEUE / QUEUE_UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.ok()?;
        let (answer, replies) = oneshot::channel();
        let job = Job::new(batch, claim, answer, room);
        self.writer().as_ref()?.jobs.send(job).ok()?;
        replies.await.ok()
    }

    fn writer(&self) -> MutexGuard<'_, Option<WriterHandle>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(database: &Database, scope: &Scope, shared: &Shared, batch: &[Operation]) -> Vec<Reply> {
    let view = View::new(database, scope, &shared.swept);
    let now = expiry::now();
    batch.iter().map(|operation| view.execute(operation, now)).collect()
}

fn failures(batch: &[Operation], why: &str, begun: bool) -> Vec<Reply> {
    batch.iter().map(|it| failure(it.verb, why, begun)).collect()
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("health", &self.health()).finish_non_exhaustive()
    }
}
