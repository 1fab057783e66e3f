//! The embedded engine: a log-structured store in a directory of this process's own.
//!
//! Batches that only read run at once, on a snapshot of the committed data, and never wait for a
//! sync. All others go to the one [`writer`] thread, which commits many clients' batches
//! together. A client reads its own writes because it sends the next batch only after the
//! replies to the one before.

mod argument;
mod change;
mod disk;
mod format;
mod glob;
mod last;
mod read;
mod types;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use self::argument::refusal::failure;
pub(super) use self::change::watch::Watch;
use self::disk::fault::Fault;
use self::format::scope::Scope;
pub(crate) use self::glob::matches as glob_matches;
use self::read::batch::Done;
use self::read::shared::Shared;
use self::types::weight::{MAX_IN_PLACE, is_for_writer, weight};
use self::write::group::{Answer, Claim, Job, Work, give_answers};
use self::write::queue::Queue;
use self::write::recovery::Recovery;
use self::write::writer::Writer;
use crate::account::{Account, Places, Resource};
use crate::memory::Hold;
use crate::message::Reply;
use crate::store::operation::{Operation, Verb};
use crate::store::options::Options;
use crate::store::state::{Health, OpenError};

/// Bytes of requests that wait for the writer; a request that finds no room waits before it.
const QUEUE: usize = 64 * 1024 * 1024;
/// Bytes of them that one user may have, so that there is room for others'.
const QUEUE_SHARE: usize = QUEUE / 2;
/// Threads for long reads, at least.
const READERS: usize = 4;

/// The keys under one prefix of an open embedded store.
pub struct Embedded {
    core: Arc<Core>,
    scope: Arc<Scope>,
}

/// An open embedded store.
struct Core {
    shared: Arc<Shared>,
    timeout: Duration,
    /// The way to the writer's thread.
    queue: Arc<Queue>,
    /// Room in `queue`, in bytes.
    room: Arc<Places>,
    /// Threads that read long, at a time.
    reading: Arc<Places>,
    /// Threads for [`Length::Short`], so that nobody's SCAN waits for the end of others' LCS.
    short_reading: Arc<Places>,
    /// Told when the writer has ended; none once the store is closed.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Drop for Core {
    fn drop(&mut self) {
        // The writer has nothing to wait for.
        self.queue.close();
    }
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
        if let Some(Ok(Some(cursors))) = shared.database().map(|database| database.cursors()) {
            shared.cursors.restore(&cursors);
        }
        let queue = Arc::new(Queue::default());
        let (closing, closed) = oneshot::channel();
        let (groups, answers) = unbounded_channel();
        tokio::spawn(give_answers(answers));
        let writer =
            Writer::new(Arc::clone(&queue), groups, Arc::clone(&shared), options.sync, recovery);
        std::thread::Builder::new()
            .name("kvsock-writer".to_owned())
            .spawn(move || {
                writer.run();
                // Nobody may wait for it.
                let _ = closing.send(());
            })
            .map_err(|error| Fault::from(error).at_open(path))?;
        let room = Places::new(Resource::Writing, QUEUE, QUEUE_SHARE);
        let readers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let readers = readers.max(READERS);
        let reading = Places::tapering(Resource::Reading, readers, readers / 2);
        let short_reading = Places::tapering(Resource::ShortReading, readers, readers / 2);
        let ended = Mutex::new(Some(closed));
        let core =
            Core { shared, timeout: options.timeout, queue, room, reading, short_reading, ended };
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
        if batch.iter().all(|it| way(it) == Way::Writer) {
            return self.write(batch, hold).await;
        }
        // What takes long would keep the writer from others' batches.
        let mut replies = Vec::with_capacity(batch.len());
        for part in batch.chunk_by(|one, next| way(one) == way(next)) {
            let (given, rest) = match way(&part[0]) {
                Way::Clear => (self.clear_for(part, hold.account()).await, Vec::new()),
                Way::Writer if part.iter().any(|it| is_for_writer(it.verb)) => {
                    self.write(part.to_vec(), hold).await
                }
                Way::Reader | Way::Writer => self.read(part.to_vec(), hold).await,
            };
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
        let ended = self.core.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ended) = ended else { return };
        self.core.queue.close();
        // Past the limit the process ends, and what is acknowledged is safe all the same.
        let _ = tokio::time::timeout(limit, ended).await;
    }

    /// What the writer read it read between writes, and cannot read again.
    async fn write(&self, batch: Vec<Operation>, hold: &mut Hold) -> Done {
        let verbs: Vec<Verb> = batch.iter().map(|it| it.verb).collect();
        let is_timed = !verbs.contains(&Verb::Save);
        let replies = match self.submit(Work::Batch(batch), hold.account(), is_timed).await {
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
    async fn submit(
        &self,
        work: Work,
        account: &Arc<Account>,
        timed: bool,
    ) -> Result<Answer, bool> {
        let claim = Claim::default();
        let answer = self.send(work, account, claim.clone());
        let answer = if self.core.timeout.is_zero() || !timed {
            answer.await
        } else {
            tokio::time::timeout(self.core.timeout, answer).await.ok().flatten()
        };
        answer.ok_or_else(|| !claim.take())
    }

    /// Hands `work` to the writer; `None` if it is gone.
    async fn send(&self, work: Work, account: &Arc<Account>, claim: Claim) -> Option<Answer> {
        let core = &self.core;
        let room = match core.room.try_take_many(account, work.len()) {
            Some(room) => room,
            None => core.room.take_many(account, work.len()).await,
        };
        let (answer, replies) = oneshot::channel();
        let whose = (Arc::clone(&self.scope), Arc::clone(account));
        if !core.queue.push(Job::new(work, whose, claim, answer, room)) {
            return None;
        }
        replies.await.ok()
    }
}

/// Who carries out an operation of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The writer, or the serving thread if it only reads.
    Writer,
    /// A thread for long reads.
    Reader,
    /// See [`clear`].
    Clear,
}

fn way(operation: &Operation) -> Way {
    if operation.verb == Verb::Clear {
        Way::Clear
    } else if !is_for_writer(operation.verb) && weight(operation) > MAX_IN_PLACE {
        Way::Reader
    } else {
        Way::Writer
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("health", &self.health()).finish_non_exhaustive()
    }
}
