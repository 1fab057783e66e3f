//! Work of several clients that is committed together, and what each is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use fjall::Slice;
use tokio::sync::{mpsc, oneshot};

use super::evaluation::evaluate::Prepared;
use crate::account::{Account, Place};
use crate::message::Reply;
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::types::weight::effect;
use crate::store::operation::{Effect, Operation, Verb};

/// What a client asks of the writer.
pub(crate) enum Work {
    /// Operations, one after the other.
    Batch(Vec<Operation>),
    /// Operations as one, unless what is watched has changed.
    Transaction(Option<Watch>, Vec<Operation>),
    /// A transaction that was evaluated beside the writer.
    Prepared(Box<Prepared>),
    /// To watch these keys, besides what is watched already.
    Watch(Watch, Vec<Bytes>),
    /// To remove these stored keys, as one of several parts of a `FLUSHDB`, which none end.
    Remove(Vec<Slice>),
    /// To remove all keys of the store.
    Clear,
}

impl Work {
    /// Bytes of it, about.
    pub(crate) fn len(&self) -> usize {
        let args = |args: &[Bytes]| args.iter().map(|arg| 16 + arg.len()).sum::<usize>();
        match self {
            Work::Batch(batch) | Work::Transaction(_, batch) => {
                batch.iter().map(|it| 64 + args(&it.args)).sum()
            }
            Work::Prepared(prepared) => prepared.len(),
            Work::Watch(_, keys) => 64 + args(keys),
            Work::Remove(keys) => keys.iter().map(|key| 64 + key.len()).sum(),
            Work::Clear => 64,
        }
    }

    /// How many replies it is given.
    fn steps(&self) -> usize {
        match self {
            Work::Batch(batch) => batch.len(),
            _ => 1,
        }
    }

    fn step(&mut self, number: usize) -> Option<Step<'_>> {
        Some(match self {
            Work::Batch(batch) => Step::Operation(batch.get(number)?),
            Work::Transaction(watch, batch) => Step::Transaction(watch.as_ref(), batch),
            Work::Prepared(prepared) => Step::Prepared(prepared),
            Work::Watch(watch, keys) => Step::Watch(watch, keys),
            Work::Remove(keys) => Step::Remove(keys),
            Work::Clear => Step::Clear,
        })
    }

    /// The name and the effect of a step.
    fn describe(&self, number: usize) -> (&'static str, Effect) {
        match self {
            Work::Batch(batch) => batch
                .get(number)
                .map_or(("", Effect::Read), |it| (it.verb.name(), it.verb.effect())),
            Work::Transaction(_, batch) => ("EXEC", effect(batch)),
            Work::Prepared(_) => ("EXEC", Effect::Write),
            Work::Watch(..) => ("WATCH", Effect::Read),
            Work::Remove(_) | Work::Clear => ("FLUSHDB", Effect::Write),
        }
    }
}

/// What is done, and replied to, at a time.
pub(crate) enum Step<'a> {
    /// One operation.
    Operation(&'a Operation),
    /// See [`Work::Transaction`].
    Transaction(Option<&'a Watch>, &'a [Operation]),
    /// See [`Work::Prepared`].
    Prepared(&'a mut Prepared),
    /// See [`Work::Watch`].
    Watch(&'a mut Watch, &'a [Bytes]),
    /// See [`Work::Remove`].
    Remove(&'a [Slice]),
    /// See [`Work::Clear`].
    Clear,
}

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

impl Step<'_> {
    /// Whether it can be carried out on a full disk: it reads, or frees room.
    pub(crate) fn needs_no_room(&self) -> bool {
        let needs_none = |operation: &Operation| {
            let verb = operation.verb;
            let frees = matches!(verb, Verb::Del | Verb::Unlink | Verb::GetDel | Verb::Clear);
            frees || matches!(verb, Verb::Save | Verb::BgSave) || verb.effect() == Effect::Read
        };
        match self {
            Step::Operation(operation) => needs_none(operation),
            Step::Transaction(_, batch) => batch.iter().all(needs_none),
            Step::Prepared(prepared) => prepared.evaluated.only_removes(),
            Step::Watch(..) | Step::Remove(_) | Step::Clear => true,
        }
    }
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
    work: Work,
    scope: Arc<Scope>,
    account: Arc<Account>,
    claim: Claim,
    answer: oneshot::Sender<Answer>,
    /// Held until the answer, so that what waits is bounded.
    room: Place,
    is_begun: bool,
    /// To the steps so far.
    replies: Vec<Reply>,
    /// Replies that nothing changes any more, since their work is committed.
    settled: usize,
    outcome: Outcome,
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
    fn begin(&mut self) -> bool {
        self.is_begun = self.is_begun || self.claim.take();
        self.is_begun
    }

    fn is_done(&self) -> bool {
        self.replies.len() == self.work.steps()
    }

    fn fail(&mut self, why: &str, unknown: bool) {
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

/// Work that is committed together. All but the last is done.
#[derive(Default)]
pub(crate) struct Group(Vec<Job>);

impl Group {
    /// How many clients' work it is.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The work that came last.
    pub(crate) fn last(&self) -> Option<&Job> {
        self.0.last()
    }

    /// Adds work, unless its client has given up by the time that its turn comes: what was before
    /// it may have taken long.
    pub(crate) fn add(&mut self, mut job: Job) {
        if job.begin() {
            self.0.push(job);
        }
    }

    /// The next step without a reply, whose keys it is about, and the user that asks.
    pub(crate) fn next(&mut self) -> Option<(Arc<Scope>, Option<u32>, Step<'_>)> {
        let job = self.0.last_mut().filter(|job| !job.is_done())?;
        let number = job.replies.len();
        Some((Arc::clone(&job.scope), job.account.uid(), job.work.step(number)?))
    }

    /// Replies to the [`Group::next`] step.
    pub(crate) fn push(&mut self, reply: Reply) {
        if let Some(job) = self.0.last_mut() {
            job.replies.push(reply);
        }
    }

    /// The same for a transaction that was not carried out.
    pub(crate) fn push_outcome(&mut self, outcome: Outcome) {
        if let Some(job) = self.0.last_mut() {
            job.replies.push(Reply::Nil);
            job.outcome = outcome;
        }
    }

    /// Notes that all work so far is committed.
    pub(crate) fn settle(&mut self) {
        for job in &mut self.0 {
            job.settled = job.replies.len();
        }
    }

    /// Takes out the last work if it is not done, to be gone on with later. All is committed.
    pub(crate) fn suspend(&mut self) -> Option<Job> {
        self.0.pop_if(|job| !job.is_done())
    }

    /// Replaces all replies that are not settled, and gives the missing ones: nothing of it was
    /// done, or, when `unknown`, the steps up to the one at hand may have been.
    pub(crate) fn fail(&mut self, why: &str, unknown: bool) {
        self.0.iter_mut().for_each(|job| job.fail(why, unknown));
    }

    /// The answers to those who wait for them.
    pub(crate) fn answers(self) -> Vec<Answered> {
        let answered = |Job { work, answer, room, replies, outcome, .. }: Job| Answered {
            to: answer,
            answer: Answer { replies, work, outcome },
            _room: room,
        };
        self.0.into_iter().map(answered).collect()
    }
}

/// An answer on its way from the writer.
pub(crate) struct Answered {
    to: oneshot::Sender<Answer>,
    answer: Answer,
    _room: Place,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Places, Resource};

    fn job(keys: &[&'static str], claim: &Claim) -> (Job, oneshot::Receiver<Answer>) {
        let account = Account::own();
        let room = Places::new(Resource::Writing, 1, 1).try_take(&account).expect("there is room");
        let get = |key: &&'static str| Operation {
            verb: Verb::Get,
            args: vec![Bytes::from_static(key.as_bytes())].into(),
        };
        let scope = Arc::new(Scope::new(Bytes::new(), 0));
        let (answer, replies) = oneshot::channel();
        let work = Work::Batch(keys.iter().map(get).collect());
        (Job::new(work, (scope, account), claim.clone(), answer, room), replies)
    }

    fn next(group: &mut Group) -> Option<Bytes> {
        match group.next()?.2 {
            Step::Operation(operation) => Some(operation.args[0].clone()),
            _ => None,
        }
    }

    #[tokio::test]
    async fn what_a_client_gave_up_before_its_turn_is_not_done() {
        let claims = [(); 3].map(|()| Claim::default());
        let (jobs, replies): (Vec<_>, Vec<_>) =
            [["a"], ["b"], ["c"]].iter().zip(&claims).map(|(keys, claim)| job(keys, claim)).unzip();
        let mut jobs = jobs.into_iter();
        let mut group = Group::default();
        group.add(jobs.next().expect("a job"));
        assert_eq!(next(&mut group).as_deref(), Some(&b"a"[..]));
        assert!(!claims[0].take(), "it is begun");
        assert!(claims[1].take(), "its turn has not come");
        group.push(Reply::Integer(1));
        assert_eq!(next(&mut group), None);
        jobs.for_each(|job| group.add(job));
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

    #[test]
    fn work_that_gave_way_keeps_what_is_committed_of_it() {
        let claim = Claim::default();
        let (job, mut answer) = job(&["a", "b", "c"], &claim);
        let mut group = Group::default();
        group.add(job);
        group.push(Reply::Integer(1));
        group.settle();
        let job = group.suspend().expect("work that is not done");
        assert_eq!(group.len(), 0);
        let mut group = Group::default();
        group.add(job);
        assert_eq!(next(&mut group).as_deref(), Some(&b"b"[..]), "it goes on");
        group.fail("full", true);
        assert!(group.suspend().is_none(), "it is done");
        group.answers().into_iter().for_each(|it| drop(it.to.send(it.answer)));
        let replies = answer.try_recv().expect("an answer").replies;
        assert_eq!(replies[0], Reply::Integer(1));
        assert!(replies[1..].iter().all(|reply| matches!(reply, Reply::Error(_))));
    }
}
