//! A job: one client's work on its way to the writer, and the answer on its way back.
//!
//! The writer sends the answers of a whole group at once, which wakes the serving thread once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::work::Work;
use crate::account::{Account, Place};
use crate::message::Reply;
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::format::scope::Scope;

/// The outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The transaction was carried out.
    Done,
    /// The transaction was not carried out: keys that it had read have changed.
    Conflict,
    /// The transaction was not carried out: it takes the writer too long.
    TooLong,
}

/// The answer to a client.
pub(crate) struct Answer {
    /// One reply for each operation of a batch, or one reply to all other work.
    pub(crate) replies: Vec<Reply>,
    /// The work.
    pub(crate) work: Work,
    /// The outcome of a transaction.
    pub(crate) outcome: Outcome,
}

/// One client's work on its way to the writer.
pub(crate) struct Job {
    pub(super) work: Work,
    pub(super) scope: Arc<Scope>,
    pub(super) account: Arc<Account>,
    claim: Claim,
    pub(super) answer: oneshot::Sender<Answer>,
    /// The room that the work takes in the queue. It is held until the answer, so that the queue is
    /// bounded.
    pub(super) room: Place,
    is_begun: bool,
    /// The replies to the steps so far.
    pub(super) replies: Vec<Reply>,
    /// The number of replies that are final, since their steps are committed.
    pub(super) settled: usize,
    pub(super) outcome: Outcome,
}

impl Job {
    /// Work on the keys of `scope` for the user of `account`. The replies go to `answer`, unless
    /// the client has given up.
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

    /// About the bytes of the work.
    pub(crate) fn len(&self) -> usize {
        self.work.len()
    }

    /// The user of the client; `None` for kvsock itself.
    pub(crate) fn uid(&self) -> Option<u32> {
        self.account.uid()
    }

    /// Begins the work. False if the client has given up.
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

/// The claim on a job. Either the writer takes it and begins the work, or the client takes it and
/// gives up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Takes the claim. True for the first caller only.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// An answer on its way to the client.
pub(crate) struct Answered {
    pub(super) to: oneshot::Sender<Answer>,
    pub(super) answer: Answer,
    pub(super) _room: Place,
}

impl Answered {
    /// Gives the answer to the client.
    pub(crate) fn give(self) {
        // A client that is gone needs no answer.
        let _ = self.to.send(self.answer);
    }
}

/// Gives the answers of whole groups to the waiting clients. The clients run on the same thread as
/// this task. So only this task is woken from another thread, which is the expensive part.
pub(crate) async fn give_answers(mut groups: mpsc::UnboundedReceiver<Vec<Answered>>) {
    while let Some(answers) = groups.recv().await {
        answers.into_iter().for_each(Answered::give);
    }
}
