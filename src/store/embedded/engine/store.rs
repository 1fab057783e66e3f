//! An open embedded store: its parts, its opening and closing, and how work gets to the writer.

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

/// The most bytes of requests in the queue to the writer. A request that finds no room waits for
/// room.
const QUEUE: usize = 64 * 1024 * 1024;
/// The most bytes of one user, so that there is room for other users.
const QUEUE_SHARE: usize = QUEUE / 2;
/// The least number of threads for long reads.
const READERS: usize = 4;

/// One key space of an open embedded store.
pub struct Embedded {
    pub(super) core: Arc<Core>,
    pub(super) scope: Arc<Scope>,
}

/// An open embedded store.
pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    pub(super) timeout: Duration,
    /// The queue to the writer's thread.
    queue: Arc<Queue>,
    /// The room in `queue`, in bytes.
    room: Arc<Places>,
    /// Places on the threads for long reads.
    pub(super) reading: Arc<Places>,
    /// Places for reads of [`Length::Short`](super::thread::Length::Short), so that one user's SCAN
    /// does not wait for another's LCS.
    pub(super) short_reading: Arc<Places>,
    /// Completes when the writer has ended; `None` once the store is closed.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Drop for Core {
    fn drop(&mut self) {
        // No further work can come.
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
                // Without a call of `close` nothing waits for the writer.
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
        let store = Embedded { core: Arc::new(core), scope };
        store.complete_index();
        Ok(store)
    }

    /// See [`crate::store::Store::part`].
    pub(crate) fn part(&self, name: &[u8]) -> Embedded {
        Embedded { core: Arc::clone(&self.core), scope: Arc::new(self.scope.part(name)) }
    }

    pub(crate) fn health(&self) -> Health {
        self.core.shared.health()
    }

    /// Whether [`Embedded::close`] was called.
    pub(super) fn is_closed(&self) -> bool {
        self.core.ended.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    pub(crate) async fn close(&self, limit: Duration) {
        let ended = self.core.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ended) = ended else { return };
        self.core.queue.close();
        // Past the limit the process ends. Acknowledged writes are safe even so.
        let _ = tokio::time::timeout(limit, ended).await;
    }

    /// Has the writer do `work`. If the work is `timed`, waits at most as long as the timeout
    /// allows. The error tells whether the work had begun.
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

    /// Hands `work` to the writer, and waits for the answer; `None` if the writer has ended.
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
