//! Batches of several clients that are committed together, and what each is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Effect, Operation, Verb};

/// One client's batch on its way to the writer.
pub(super) struct Job {
    batch: Vec<Operation>,
    claim: Claim,
    answer: oneshot::Sender<Vec<Reply>>,
    /// Held until the answer, so that what waits is bounded.
    _room: OwnedSemaphorePermit,
}

impl Job {
    /// A batch whose replies go to `answer`, unless the client gave up by then.
    pub(super) fn new(
        batch: Vec<Operation>,
        claim: Claim,
        answer: oneshot::Sender<Vec<Reply>>,
        room: OwnedSemaphorePermit,
    ) -> Job {
        Job { batch, claim, answer, _room: room }
    }

    /// Bytes of the batch, about.
    pub(super) fn len(&self) -> usize {
        len(&self.batch)
    }
}

/// Bytes of a batch, about.
pub(super) fn len(batch: &[Operation]) -> usize {
    batch.iter().map(|it| 64 + it.args.iter().map(|arg| 16 + arg.len()).sum::<usize>()).sum()
}

/// Who decides about a batch: the writer that begins it, or the client that no longer waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Whether the caller is the first.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Batches and the replies to their operations, in order, as far as there are any.
pub(super) struct Group {
    jobs: Vec<Job>,
    replies: Vec<Reply>,
    /// Batch and operation that come next.
    position: (usize, usize),
    /// Replies from the first on that nothing changes any more, since their work is committed.
    settled: usize,
}

impl Group {
    /// Takes the batches that their clients still wait for.
    pub(super) fn new(jobs: impl IntoIterator<Item = Job>) -> Group {
        let jobs = jobs.into_iter().filter(|job| job.claim.take()).collect();
        Group { jobs, replies: Vec::new(), position: (0, 0), settled: 0 }
    }

    /// The next operation without a reply.
    pub(super) fn next(&mut self) -> Option<&Operation> {
        let (job, operation) = &mut self.position;
        while self.jobs.get(*job).is_some_and(|it| *operation == it.batch.len()) {
            (*job, *operation) = (*job + 1, 0);
        }
        self.jobs.get(*job)?.batch.get(*operation)
    }

    /// Replies to the [`Group::next`] operation.
    pub(super) fn push(&mut self, reply: Reply) {
        self.replies.push(reply);
        self.position.1 += 1;
    }

    /// Notes that all work so far is committed.
    pub(super) fn settle(&mut self) {
        self.settled = self.replies.len();
    }

    /// Replaces all replies that are not settled, and gives the missing ones: nothing of it was
    /// done, or, when `unknown`, the operations up to the one at hand may have been.
    pub(super) fn fail(&mut self, why: &str, unknown: bool) {
        let begun = self.replies.len();
        self.replies.truncate(self.settled);
        let failed: Vec<Reply> = (self.operations().enumerate().skip(self.settled))
            .map(|(n, operation)| failure(operation.verb, why, unknown && n <= begun))
            .collect();
        self.replies.extend(failed);
        self.settle();
    }

    /// Sends the replies to those who wait for them.
    pub(super) fn answer(self) {
        let mut replies = self.replies.into_iter();
        for job in self.jobs {
            // A client that went away needs no reply.
            let _ = job.answer.send(replies.by_ref().take(job.batch.len()).collect());
        }
    }

    fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.jobs.iter().flat_map(|job| &job.batch)
    }
}

/// The reply to an operation that failed; when `begun`, a write may have taken place.
pub(super) fn failure(verb: Verb, why: &str, begun: bool) -> Reply {
    Reply::Error(if begun && verb.effect() != Effect::Read {
        ErrorReply::OutcomeUnknown(verb.name())
    } else {
        ErrorReply::Unavailable(why.to_owned().into())
    })
}
