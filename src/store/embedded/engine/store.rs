//! An open embedded store: its threads and queues, and the ways to them.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use crate::account::{Account, Places, Resource};
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::write::job::{Answer, Claim, Job, give_answers};
use crate::store::embedded::write::queue::Queue;
use crate::store::embedded::write::recovery::state::Recovery;
use crate::store::embedded::write::work::Work;
use crate::store::embedded::write::writer::state::Writer;
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
    pub(super) core: Arc<Core>,
    pub(super) scope: Arc<Scope>,
}

/// An open embedded store.
pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    pub(super) timeout: Duration,
    /// The way to the writer's thread.
    queue: Arc<Queue>,
    /// Room in `queue`, in bytes.
    room: Arc<Places>,
    /// Threads that read long, at a time.
    pub(super) reading: Arc<Places>,
    /// Threads for [`Length::Short`], so that nobody's SCAN waits for the end of others' LCS.
    pub(super) short_reading: Arc<Places>,
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
    pub(crate) fn open(path: &Path, options: Options) -> Result<Embedded, OpenError> {
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

    /// See [`crate::store::Store::part`].
    pub(crate) fn part(&self, name: &[u8]) -> Embedded {
        Embedded { core: Arc::clone(&self.core), scope: Arc::new(self.scope.part(name)) }
    }

    pub(crate) fn health(&self) -> Health {
        self.core.shared.health()
    }

    pub(crate) async fn close(&self, limit: Duration) {
        let ended = self.core.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ended) = ended else { return };
        self.core.queue.close();
        // Past the limit the process ends, and what is acknowledged is safe all the same.
        let _ = tokio::time::timeout(limit, ended).await;
    }

    /// Has the writer do `work`; waits no longer than is allowed if it is `timed`. The error
    /// tells whether it was begun.
    pub(super) async fn submit(
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

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("health", &self.health()).finish_non_exhaustive()
    }
}
