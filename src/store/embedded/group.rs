//! Work of several clients that is committed together, and what each is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::scope::Scope;
use super::watches::Watch;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Effect, Operation, Verb};

/// What a client asks of the writer.
pub(super) enum Work {
    /// Operations, one after the other.
    Batch(Vec<Operation>),
    /// Operations as one, unless what is watched has changed.
    Transaction(Option<Watch>, Vec<Operation>),
    /// To watch these keys, besides what is watched already.
    Watch(Watch, Vec<Bytes>),
}

impl Work {
    /// Bytes of it, about.
    pub(super) fn len(&self) -> usize {
        let args = |args: &[Bytes]| args.iter().map(|arg| 16 + arg.len()).sum::<usize>();
        match self {
            Work::Batch(batch) | Work::Transaction(_, batch) => {
                batch.iter().map(|it| 64 + args(&it.args)).sum()
            }
            Work::Watch(_, keys) => 64 + args(keys),
        }
    }

    /// How many replies it is given.
    fn steps(&self) -> usize {
        match self {
            Work::Batch(batch) => batch.len(),
            Work::Transaction(..) | Work::Watch(..) => 1,
        }
    }

    fn step(&mut self, number: usize) -> Option<Step<'_>> {
        match self {
            Work::Batch(batch) => batch.get(number).map(Step::Operation),
            Work::Transaction(watch, batch) => Some(Step::Transaction(watch.as_ref(), batch)),
            Work::Watch(watch, keys) => Some(Step::Watch(watch, keys)),
        }
    }

    /// The name and the effect of a step.
    fn describe(&self, number: usize) -> (&'static str, Effect) {
        match self {
            Work::Batch(batch) => batch
                .get(number)
                .map_or(("", Effect::Read), |it| (it.verb.name(), it.verb.effect())),
            Work::Transaction(_, batch) => ("EXEC", effect(batch)),
            Work::Watch(..) => ("WATCH", Effect::Read),
        }
    }
}

/// What is done, and replied to, at a time.
pub(super) enum Step<'a> {
    /// One operation.
    Operation(&'a Operation),
    /// See [`Work::Transaction`].
    Transaction(Option<&'a Watch>, &'a [Operation]),
    /// See [`Work::Watch`].
    Watch(&'a mut Watch, &'a [Bytes]),
}

impl Step<'_> {
    /// Whether it can be carried out on a full disk: it reads, or frees room.
    pub(super) fn needs_no_room(&self) -> bool {
        let needs_none = |operation: &Operation| {
            let verb = operation.verb;
            let frees = matches!(verb, Verb::Del | Verb::Unlink | Verb::GetDel | Verb::Clear);
            frees || matches!(verb, Verb::Save | Verb::BgSave) || verb.effect() == Effect::Read
        };
        match self {
            Step::Operation(operation) => needs_none(operation),
            Step::Transaction(_, batch) => batch.iter().all(needs_none),
            Step::Watch(..) => true,
        }
    }
}

/// What a client is told.
pub(super) struct Answer {
    /// One for each operation of a batch; otherwise one.
    pub(super) replies: Vec<Reply>,
    /// With [`Work::Watch`], what is watched now, unless its reply is an error.
    pub(super) watch: Option<Watch>,
}

/// One client's work on its way to the writer.
pub(super) struct Job {
    work: Work,
    scope: Arc<Scope>,
    claim: Claim,
    answer: oneshot::Sender<Answer>,
    /// Held until the answer, so that what waits is bounded.
    room: OwnedSemaphorePermit,
}

impl Job {
    /// Work on the keys of `scope` whose replies go to `answer`, unless the client gave up by then.
    pub(super) fn new(
        work: Work,
        scope: Arc<Scope>,
        claim: Claim,
        answer: oneshot::Sender<Answer>,
        room: OwnedSemaphorePermit,
    ) -> Job {
        Job { work, scope, claim, answer, room }
    }

    /// Bytes of the work, about.
    pub(super) fn len(&self) -> usize {
        self.work.len()
    }
}

/// Who decides about work: the writer that begins it, or the client that no longer waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Whether the caller is the first.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Work and the replies to its steps, in order, as far as there are any.
pub(super) struct Group {
    jobs: Vec<Job>,
    replies: Vec<Reply>,
    /// Job and step that come next.
    position: (usize, usize),
    /// Replies from the first on that nothing changes any more, since their work is committed.
    settled: usize,
}

impl Group {
    /// The work that these clients wait for.
    pub(super) fn new(jobs: Vec<Job>) -> Group {
        Group { jobs, replies: Vec::new(), position: (0, 0), settled: 0 }
    }

    /// The next step without a reply, and whose keys it is about. Drops work whose client has given
    /// up by the time that its turn comes: what is before it may have taken long.
    pub(super) fn next(&mut self) -> Option<(Arc<Scope>, Step<'_>)> {
        let (job, step) = &mut self.position;
        while self.jobs.get(*job).is_some_and(|it| *step == it.work.steps()) {
            (*job, *step) = (*job + 1, 0);
        }
        if *step == 0 {
            let given_up = self.jobs[*job..].iter().take_while(|it| !it.claim.take()).count();
            self.jobs.drain(*job..*job + given_up);
        }
        let job = self.jobs.get_mut(*job)?;
        Some((Arc::clone(&job.scope), job.work.step(*step)?))
    }

    /// Replies to the [`Group::next`] step.
    pub(super) fn push(&mut self, reply: Reply) {
        self.replies.push(reply);
        self.position.1 += 1;
    }

    /// Notes that all work so far is committed.
    pub(super) fn settle(&mut self) {
        self.settled = self.replies.len();
    }

    /// Replaces all replies that are not settled, and gives the missing ones: nothing of it was
    /// done, or, when `unknown`, the steps up to the one at hand may have been.
    pub(super) fn fail(&mut self, why: &str, unknown: bool) {
        let begun = self.replies.len();
        self.replies.truncate(self.settled);
        let steps = self
            .jobs
            .iter()
            .flat_map(|job| (0..job.work.steps()).map(|number| job.work.describe(number)));
        let failed: Vec<Reply> = (steps.enumerate().skip(self.settled))
            .map(|(n, (name, effect))| failure(name, effect, why, unknown && n <= begun))
            .collect();
        self.replies.extend(failed);
        self.settle();
    }

    /// The answers to those who wait for them.
    pub(super) fn answers(self) -> Vec<Answered> {
        let mut replies = self.replies.into_iter();
        let answered = |Job { work, answer, room, .. }: Job| {
            let replies = replies.by_ref().take(work.steps()).collect();
            let watch = if let Work::Watch(watch, _) = work { Some(watch) } else { None };
            Answered { to: answer, answer: Answer { replies, watch }, _room: room }
        };
        self.jobs.into_iter().map(answered).collect()
    }
}

/// An answer on its way from the writer.
pub(super) struct Answered {
    to: oneshot::Sender<Answer>,
    answer: Answer,
    _room: OwnedSemaphorePermit,
}

/// Gives the answers of whole groups to those who wait for them. Where these run on the same thread
/// as this, only this has to be woken from another, and that is what costs.
pub(super) async fn give_answers(mut groups: mpsc::UnboundedReceiver<Vec<Answered>>) {
    while let Some(answers) = groups.recv().await {
        for Answered { to, answer, .. } in answers {
            // A client that went away needs no reply.
            let _ = to.send(answer);
        }
    }
}

/// The reply to work that failed; when `begun`, a write may have taken place.
pub(super) fn failure(name: &'static str, effect: Effect, why: &str, begun: bool) -> Reply {
    Reply::Error(if begun && effect != Effect::Read {
        ErrorReply::OutcomeUnknown(name)
    } else {
        ErrorReply::Unavailable(why.to_owned().into())
    })
}

/// What a transaction does to the data, as far as its failure depends on it.
pub(super) fn effect(batch: &[Operation]) -> Effect {
    let only_reads = batch.iter().all(|it| it.verb.effect() == Effect::Read);
    if only_reads { Effect::Read } else { Effect::Write }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn job(key: &'static str, claim: &Claim) -> (Job, oneshot::Receiver<Answer>) {
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("there is room");
        let get =
            Operation { verb: Verb::Get, args: vec![Bytes::from_static(key.as_bytes())].into() };
        let scope = Arc::new(Scope::new(Bytes::new(), 0));
        let (answer, replies) = oneshot::channel();
        (Job::new(Work::Batch(vec![get]), scope, claim.clone(), answer, room), replies)
    }

    fn next(group: &mut Group) -> Option<Bytes> {
        match group.next()?.1 {
            Step::Operation(operation) => Some(operation.args[0].clone()),
            Step::Transaction(..) | Step::Watch(..) => None,
        }
    }

    #[tokio::test]
    async fn what_a_client_gave_up_before_its_turn_is_not_done() {
        let claims = [(); 3].map(|()| Claim::default());
        let (jobs, replies): (Vec<_>, Vec<_>) =
            ["a", "b", "c"].iter().zip(&claims).map(|(key, claim)| job(key, claim)).unzip();
        let mut group = Group::new(jobs);
        assert_eq!(next(&mut group).as_deref(), Some(&b"a"[..]));
        assert!(!claims[0].take(), "it is begun");
        assert!(claims[1].take(), "its turn has not come");
        group.push(Reply::Integer(1));
        assert_eq!(next(&mut group).as_deref(), Some(&b"c"[..]));
        group.push(Reply::Integer(3));
        assert_eq!(next(&mut group), None);
        let (groups, answers) = mpsc::unbounded_channel();
        assert!(groups.send(group.answers()).is_ok());
        drop(groups);
        give_answers(answers).await;
        let replies = replies.into_iter().map(|mut it| it.try_recv().ok());
        let replies: Vec<_> = replies.map(|it| it.map(|answer| answer.replies)).collect();
        let expected = [Some(vec![Reply::Integer(1)]), None, Some(vec![Reply::Integer(3)])];
        assert_eq!(replies, expected);
    }
}
