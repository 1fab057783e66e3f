//! A group: the jobs of several clients that are committed together.

use std::sync::Arc;

use super::job::{Answer, Answered, Job, Outcome};
use super::work::Step;
use crate::message::Reply;
use crate::store::embedded::format::scope::Scope;

/// Jobs that are committed together. All but the last are done.
#[derive(Default)]
pub(crate) struct Group(Vec<Job>);

impl Group {
    /// The number of jobs.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The last job.
    pub(crate) fn last(&self) -> Option<&Job> {
        self.0.last()
    }

    /// Adds a job, unless its client has given up: the job may have waited for long.
    pub(crate) fn add(&mut self, mut job: Job) {
        if job.begin() {
            self.0.push(job);
        }
    }

    /// The next step without a reply, its key space, and the user of the client.
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

    /// Notes the outcome of a transaction that was not carried out.
    pub(crate) fn push_outcome(&mut self, outcome: Outcome) {
        if let Some(job) = self.0.last_mut() {
            job.replies.push(Reply::Nil);
            job.outcome = outcome;
        }
    }

    /// Notes that all steps so far are committed.
    pub(crate) fn settle(&mut self) {
        for job in &mut self.0 {
            job.settled = job.replies.len();
        }
    }

    /// Takes out the last job if it is not done, so that it goes on later. All steps so far must be
    /// committed.
    pub(crate) fn suspend(&mut self) -> Option<Job> {
        self.0.pop_if(|job| !job.is_done())
    }

    /// Fails all steps without a final reply. Their changes did not take place. If `unknown`, the
    /// changes of the steps up to the current one may have taken place.
    pub(crate) fn fail(&mut self, why: &str, unknown: bool) {
        self.0.iter_mut().for_each(|job| job.fail(why, unknown));
    }

    /// The answers to the clients.
    pub(crate) fn answers(self) -> Vec<Answered> {
        let answered = |Job { work, answer, room, replies, outcome, .. }: Job| Answered {
            to: answer,
            answer: Answer { replies, work, outcome },
            _room: room,
        };
        self.0.into_iter().map(answered).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::account::{Account, Places, Resource};
    use crate::store::embedded::write::job::{Answer, Claim, give_answers};
    use crate::store::embedded::write::work::Work;
    use crate::store::operation::Operation;

    fn job(keys: &[&'static str], claim: &Claim) -> (Job, oneshot::Receiver<Answer>) {
        let account = Account::own();
        let room = Places::new(Resource::Writing, 1, 1).try_take(&account).expect("there is room");
        let get = |key: &&'static str| {
            let args = vec![Bytes::from_static(key.as_bytes())].into();
            Operation::named("GET", args).expect("a command")
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
