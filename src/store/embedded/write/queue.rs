//! The queue to the writer. Users are served in turn, and the jobs of each user in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::job::Job;

/// The longest wait of the writer while all waiting jobs may not begin yet.
const HELD_UP: Duration = Duration::from_millis(1);
/// The number of users whose lanes are kept for their next job.
const LANES: usize = 64;

/// The waiting jobs of all users.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrival: Condvar,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Option<u32>, VecDeque<Job>>,
    /// The users with waiting jobs. The first one is served next.
    turns: VecDeque<Option<u32>>,
    /// Whether the writer sleeps until a job comes.
    is_awaited: bool,
    is_closed: bool,
}

/// The result of waiting for a job.
#[expect(clippy::large_enum_variant, reason = "work is the usual case, and goes on at once")]
pub(crate) enum Next {
    Job(Job),
    /// No job came in time that may begin.
    Nothing,
    /// No further job will come.
    Closed,
}

impl Queue {
    /// Adds a job behind all other jobs of its user. If the queue is closed, drops the job and
    /// returns false.
    pub(crate) fn push(&self, job: Job) -> bool {
        let mut state = self.state();
        if state.is_closed {
            return false;
        }
        state.push(job);
        if state.is_awaited {
            state.is_awaited = false;
            drop(state);
            self.arrival.notify_one();
        }
        true
    }

    /// Adds a job that gave way to other jobs, behind those of its user.
    pub(crate) fn put_back(&self, job: Job) {
        self.state().push(job);
    }

    /// The next job that `may` begin, if one waits. Other jobs keep their turn.
    pub(crate) fn try_next(&self, may: impl Fn(&Job) -> bool) -> Option<Job> {
        self.state().pop(may)
    }

    /// The next job that `may` begin. Waits for one, at most for `limit`.
    pub(crate) fn next(&self, limit: Option<Duration>, may: impl Fn(&Job) -> bool) -> Next {
        let mut end = limit.map(|limit| Instant::now() + limit);
        let mut state = self.state();
        loop {
            if let Some(job) = state.pop(&may) {
                return Next::Job(job);
            }
            if !state.turns.is_empty() {
                let soon = Instant::now() + HELD_UP;
                end = Some(end.map_or(soon, |end| end.min(soon)));
            } else if state.is_closed {
                return Next::Closed;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Next::Nothing;
            }
            state.is_awaited = true;
            state = match left {
                None => self.arrival.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let waited = self.arrival.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.is_awaited = false;
        }
    }

    /// Whether no job waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().turns.is_empty()
    }

    /// Whether jobs of other users than `user` wait.
    pub(crate) fn has_others(&self, user: Option<u32>) -> bool {
        // Each user stands in `turns` once.
        self.state().turns.iter().take(2).any(|other| *other != user)
    }

    /// Closes the queue: no further job is taken. Waiting jobs are still carried out.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.arrival.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, job: Job) {
        let uid = job.uid();
        let lane = self.lanes.entry(uid).or_default();
        if lane.is_empty() {
            self.turns.push_back(uid);
        }
        lane.push_back(job);
    }

    fn pop(&mut self, may: impl Fn(&Job) -> bool) -> Option<Job> {
        let first = |uid: &Option<u32>| self.lanes.get(uid).and_then(VecDeque::front);
        let turn = self.turns.iter().position(|uid| first(uid).is_some_and(&may))?;
        let uid = self.turns.remove(turn)?;
        let lane = self.lanes.get_mut(&uid)?;
        let job = lane.pop_front();
        if !lane.is_empty() {
            self.turns.push_back(uid);
        } else if self.lanes.len() > LANES {
            self.lanes.remove(&uid);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use fjall::Slice;
    use tokio::sync::oneshot;

    use super::*;
    use crate::account::{Accounts, Places, Resource};
    use crate::store::embedded::format::scope::Scope;
    use crate::store::embedded::write::job::Claim;
    use crate::store::embedded::write::work::Work;

    fn work(keys: usize) -> Work {
        Work::Remove(vec![Slice::from("key"); keys])
    }

    fn job(accounts: &Accounts, uid: u32) -> Job {
        job_of(accounts, uid, 1)
    }

    fn job_of(accounts: &Accounts, uid: u32, keys: usize) -> Job {
        let account = accounts.of(uid);
        let places = Places::new(Resource::Writing, 100, 100);
        let room = places.try_take(&account).expect("there is room");
        let whose = (Arc::new(Scope::new(Bytes::new(), 0)), account);
        Job::new(work(keys), whose, Claim::default(), oneshot::channel().0, room)
    }

    fn uids(queue: &Queue) -> Vec<u32> {
        std::iter::from_fn(|| queue.try_next(|_| true)?.uid()).collect()
    }

    #[test]
    fn users_are_served_in_turn_however_much_one_of_them_asks() {
        let (queue, accounts) = (Queue::default(), Accounts::default());
        // Kept, as by their connections.
        let _kept = [1, 2, 3].map(|uid| accounts.of(uid));
        for uid in [1, 1, 1, 1, 2, 3, 2] {
            assert!(queue.push(job(&accounts, uid)));
        }
        assert!(queue.has_others(Some(1)) && queue.has_others(Some(4)));
        assert_eq!(uids(&queue), [1, 2, 3, 1, 2, 1, 1]);
        assert!(queue.is_empty() && !queue.has_others(Some(1)));
    }

    #[test]
    fn work_that_may_not_be_done_keeps_its_turn() {
        let (queue, accounts) = (Queue::default(), Accounts::default());
        let _kept = [1, 2, 3].map(|uid| accounts.of(uid));
        for (uid, keys) in [(1, 2), (2, 1), (1, 1), (3, 2)] {
            assert!(queue.push(job_of(&accounts, uid, keys)));
        }
        let room = work(1).len();
        let next = |room: usize| queue.try_next(|job| job.len() <= room)?.uid();
        assert_eq!(next(room - 1), None);
        assert_eq!(next(room), Some(2));
        assert_eq!(next(room), None, "the order of one user's work stays");
        assert_eq!(uids(&queue), [1, 3, 1]);
    }

    #[test]
    fn work_that_is_put_back_comes_after_all_that_waits() {
        let (queue, accounts) = (Queue::default(), Accounts::default());
        let _kept = [1, 2].map(|uid| accounts.of(uid));
        for uid in [1, 1, 2] {
            assert!(queue.push(job(&accounts, uid)));
        }
        let first = queue.try_next(|_| true).expect("a job");
        queue.put_back(first);
        assert_eq!(uids(&queue), [2, 1, 1]);
    }

    #[test]
    fn what_waits_when_the_queue_is_closed_is_still_given() {
        let (queue, accounts) = (Queue::default(), Accounts::default());
        assert!(queue.push(job(&accounts, 1)));
        queue.close();
        assert!(!queue.push(job(&accounts, 1)));
        assert!(matches!(queue.next(None, |_| false), Next::Nothing), "it may be done later");
        assert!(matches!(queue.next(None, |_| true), Next::Job(_)));
        assert!(matches!(queue.next(None, |_| true), Next::Closed));
    }
}
