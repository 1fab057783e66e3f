//! One client's work on its way to the writer, and the answer on its way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::work::Work;
use crate::account::{Account, Place};
use crate::message::Reply;
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::format::scope::Scope;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The replies are there.
    Done,
    /// Nothing was done: what it read had changed.
    Conflict,
    /// Nothing was done: it takes the writer too long.
    TooLong,
}

/// What a client is told.
pub(crate) struct Answer {
    /// One for each operation of a batch; otherwise one.
    pub(crate) replies: Vec<Reply>,
    /// What was asked.
    pub(crate) work: Work,
    /// Of a transaction.
    pub(crate) outcome: Outcome,
}

/// One client's work on its way to the writer.
pub(crate) struct Job {
    pub(super) work: Work,
    pub(super) scope: Arc<Scope>,
    pub(super) account: Arc<Account>,
    claim: Claim,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Held until the answer, so that what waits is bounded.
    pub(super) room: Place,
    is_begun: bool,
    /// To the steps so far.
    pub(super) replies: Vec<Reply>,
    /// Replies that nothing changes any more, since their work is committed.
    pub(super) settled: usize,
    pub(super) outcome: Outcome,
}

impl Job {
    /// Work on the keys of `scope` for the user of `account`, whose replies go to `answer`, unless
    /// the client gave up by then.
    pub(crate) fn new(
        work: Work,
        (scope, account): (Arc<Scope>, Arc<Account>),
        claim: Claim,
        answer: oneshot::Sender<Answer>,
        room: Place,
    ) -> Job {
        Job {
            work,
            scope,
            account,
            claim,
            answer,
            room,
            is_begun: false,
            replies: Vec::new(),
            settled: 0,
            outcome: Outcome::Done,
        }
    }

    /// The user that asks; none for kvsock itself.
    pub(crate) fn uid(&self) -> Option<u32> {
        self.account.uid()
    }

    /// Begins with it; false if the client no longer waits.
    pub(super) fn begin(&mut self) -> bool {
        self.is_begun = self.is_begun || self.claim.take();
        self.is_begun
    }

    pub(super) fn is_done(&self) -> bool {
        self.replies.len() == self.work.steps()
    }

    pub(super) fn fail(&mut self, why: &str, unknown: bool) {
        let begun = self.replies.len();
        self.replies.truncate(self.settled);
        for number in self.settled..self.work.steps() {
            let (name, effect) = self.work.describe(number);
            self.replies.push(failure(name, effect, why, unknown && number <= begun));
        }
        self.settled = self.replies.len();
        self.outcome = Outcome::Done;
    }
}

/// Who decides about work: the writer that begins it, or the client that no longer waits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Whether the caller is the first.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// An answer on its way from the writer.
pub(crate) struct Answered {
    pub(super) to: oneshot::Sender<Answer>,
    pub(super) answer: Answer,
    pub(super) _room: Place,
}

/// Gives the answers of whole groups to those who wait for them. Where these run on the same thread
/// as this, only this has to be woken from another, and that is what costs.
pub(crate) async fn give_answers(mut groups: mpsc::UnboundedReceiver<Vec<Answered>>) {
    while let Some(answers) = groups.recv().await {
        for Answered { to, answer, .. } in answers {
            // A client that went away needs no reply.
            let _ = to.send(answer);
        }
    }
}
