//! A bounded number of places, shared out fairly: each user has at most a share of them, and users
//! that wait are served in turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::resource::Resource;
use super::user::Account;

/// Places for one [`Resource`].
#[derive(Debug)]
pub struct Places {
    resource: Resource,
    /// The most places that one user may have at a time.
    share: usize,
    /// See [`Places::tapering`].
    tapers: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// One queue for each user that waits; the user whose turn is next is first.
    queues: VecDeque<Queue>,
}

/// The waiting tasks of one user, the oldest first.
#[derive(Debug)]
struct Queue {
    account: Arc<Account>,
    tasks: VecDeque<Task>,
}

/// A task that waits.
#[derive(Debug)]
struct Task {
    /// The number of places that the task needs at a time.
    count: usize,
    given: oneshot::Sender<Place>,
}

/// One or several places, returned when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    account: Arc<Account>,
    count: usize,
}

impl State {
    /// Forgets tasks that no longer wait.
    fn forget_gone(&mut self) {
        self.queues.retain_mut(|queue| {
            queue.tasks.retain(|task| !task.given.is_closed());
            !queue.tasks.is_empty()
        });
    }
}

impl Places {
    /// `total` places, of which one user may have `share` at a time; at least one.
    pub fn new(resource: Resource, total: usize, share: usize) -> Arc<Places> {
        Arc::new(Places::with(resource, total, share, false))
    }

    /// Like [`Places::new`], but a user may have no more places than remain free. The more users
    /// have places, the fewer each may have, so that a few users cannot take all of them (dynamic
    /// thresholds, Choudhury and Hahne, 1998).
    pub fn tapering(resource: Resource, total: usize, share: usize) -> Arc<Places> {
        Arc::new(Places::with(resource, total, share, true))
    }

    fn with(resource: Resource, total: usize, share: usize, tapers: bool) -> Places {
        let state = State { free: total, queues: VecDeque::new() };
        Places { resource, share: share.max(1), tapers, state: Mutex::new(state) }
    }

    /// A place, if the user of `account` may have one now and no other task waits for it.
    pub fn try_take(self: &Arc<Places>, account: &Arc<Account>) -> Option<Place> {
        self.try_take_many(account, 1)
    }

    /// Like [`Places::try_take`], for `count` places at a time, or as many as one user may have.
    pub fn try_take_many(
        self: &Arc<Places>,
        account: &Arc<Account>,
        count: usize,
    ) -> Option<Place> {
        let count = count.min(self.share);
        let mut state = self.state();
        if !state.queues.is_empty() {
            state.forget_gone();
        }
        let free = state.free;
        let is_first = state.queues.iter().all(|queue| !self.may_have(queue, free));
        (is_first && free >= count && self.has_share(account, count, free)).then(|| {
            state.free -= count;
            self.give(account, count)
        })
    }

    /// A place, as soon as the user's turn comes. Tasks of one user are served in order, and users
    /// in turn. A dropped future no longer waits.
    pub async fn take(self: &Arc<Places>, account: &Arc<Account>) -> Place {
        self.take_many(account, 1).await
    }

    /// Like [`Places::take`], for `count` places at a time, or as many as one user may have.
    pub async fn take_many(self: &Arc<Places>, account: &Arc<Account>, count: usize) -> Place {
        loop {
            if let Some(place) = self.try_take_many(account, count) {
                return place;
            }
            let (given, place) = oneshot::channel();
            let task = Task { count: count.min(self.share), given };
            {
                let mut state = self.state();
                let known = |queue: &&mut Queue| Arc::ptr_eq(&queue.account, account);
                match state.queues.iter_mut().find(known) {
                    Some(queue) => queue.tasks.push_back(task),
                    None => state.queues.push_back(Queue {
                        account: Arc::clone(account),
                        tasks: VecDeque::from([task]),
                    }),
                }
            }
            // A place may have become free since `try_take_many`.
            self.serve();
            if let Ok(place) = place.await {
                return place;
            }
        }
    }

    /// The number of waiting tasks.
    pub fn waiting(&self) -> usize {
        self.state().queues.iter().map(|queue| queue.tasks.len()).sum()
    }

    /// Whether the user of `account` has as many places as it may have now.
    pub fn is_exhausted(&self, account: &Account) -> bool {
        !self.has_share(account, 1, self.state().free.max(1))
    }

    /// Whether the user's share leaves room for the user's first waiting task while `free` places
    /// remain.
    fn may_have(&self, queue: &Queue, free: usize) -> bool {
        queue.tasks.front().is_some_and(|task| self.has_share(&queue.account, task.count, free))
    }

    /// Whether the user's share leaves room for `count` more places while `free` remain. kvsock's
    /// own share is unlimited.
    fn has_share(&self, account: &Account, count: usize, free: usize) -> bool {
        let share = if self.tapers { self.share.min(free) } else { self.share };
        account.uid().is_none() || account.taken(self.resource) + count <= share
    }

    fn give(self: &Arc<Places>, account: &Arc<Account>, count: usize) -> Place {
        account.add(self.resource, count);
        Place { places: Arc::clone(self), account: Arc::clone(account), count }
    }

    /// Gives free places to waiting tasks.
    fn serve(self: &Arc<Places>) {
        while let Some((task, place)) = self.next() {
            // If the task is gone, the place is dropped here and goes to the next task.
            drop(task.given.send(place));
        }
    }

    /// The task whose turn it is, and its place.
    fn next(self: &Arc<Places>) -> Option<(Task, Place)> {
        let mut state = self.state();
        if state.free == 0 || state.queues.is_empty() {
            return None;
        }
        state.forget_gone();
        let free = state.free;
        let turn = state.queues.iter().position(|queue| self.may_have(queue, free))?;
        // A task that needs many places is not passed over; otherwise it might never get them.
        let count = state.queues[turn].tasks.front()?.count;
        if count > free {
            return None;
        }
        let mut queue = state.queues.remove(turn)?;
        let task = queue.tasks.pop_front()?;
        let place = self.give(&queue.account, count);
        state.free -= count;
        if !queue.tasks.is_empty() {
            state.queues.push_back(queue);
        }
        Some((task, place))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.account.subtract(self.places.resource, self.count);
        self.places.state().free += self.count;
        self.places.serve();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn places(total: usize, share: usize) -> (Arc<Places>, [Arc<Account>; 2]) {
        let places = Places::new(Resource::Reading, total, share);
        (places, [7, 8].map(|uid| Arc::new(Account::new(Some(uid)))))
    }

    #[test]
    fn one_user_leaves_places_for_others() {
        let (places, [one, other]) = places(3, 2);
        let held = [places.try_take(&one), places.try_take(&one)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.try_take(&one).is_none());
        let _other = places.try_take(&other).expect("a place that is kept");
        assert!(places.try_take(&other).is_none());
        drop(held);
        assert!(places.try_take(&one).is_some());
        assert_eq!(one.taken(Resource::Reading), 0);
    }

    #[test]
    fn the_fewer_places_are_left_the_fewer_one_user_may_have() {
        let places = Places::tapering(Resource::Pinned, 16, 16);
        let mut held = Vec::new();
        let mut taken = Vec::new();
        for uid in 0..6 {
            let account = Arc::new(Account::new(Some(uid)));
            held.extend(std::iter::from_fn(|| places.try_take(&account)));
            taken.push(account.taken(Resource::Pinned));
        }
        assert_eq!(taken, [8, 4, 2, 1, 1, 0]);
        assert!(places.is_exhausted(&held[0].account));
        held.truncate(4);
        let late = Arc::new(Account::new(Some(9)));
        assert!(places.try_take(&late).is_some());
    }

    #[test]
    fn kvsock_itself_has_no_share() {
        let (places, _) = places(2, 1);
        let own = Account::own();
        let _held = [places.try_take(&own).expect("first"), places.try_take(&own).expect("second")];
        assert!(places.try_take(&own).is_none());
    }

    #[tokio::test]
    async fn a_task_may_take_many_places_and_is_not_passed_over() {
        let (places, [one, other]) = places(10, 6);
        let all = places.try_take_many(&one, 100).expect("as many as a user may have");
        assert_eq!(one.taken(Resource::Reading), 6);
        let mut many = Box::pin(places.take_many(&other, 5));
        assert!((&mut many).now_or_never().is_none());
        assert!(places.try_take(&other).is_none(), "another waits");
        drop(all);
        let many = many.now_or_never().expect("five places");
        assert_eq!(other.taken(Resource::Reading), 5);
        drop(many);
        assert_eq!(other.taken(Resource::Reading), 0);
    }

    #[tokio::test]
    async fn users_that_wait_are_served_in_turn() {
        let (places, [one, other]) = places(1, 1);
        let held = places.take(&one).await;
        let mut waiting: Vec<_> = [&one, &one, &one, &other]
            .iter()
            .map(|account| Box::pin(places.take(account)))
            .collect();
        for task in &mut waiting {
            assert!(task.now_or_never().is_none());
        }
        assert_eq!(places.waiting(), 4);
        drop(held);
        let first = (&mut waiting[0]).now_or_never().expect("the oldest");
        drop(first);
        assert!((&mut waiting[1]).now_or_never().is_none(), "it is the other user's turn");
        drop((&mut waiting[3]).now_or_never().expect("the other user"));
        drop((&mut waiting[1]).now_or_never().expect("the first user again"));
    }

    #[tokio::test]
    async fn a_task_that_went_away_takes_no_place() {
        let (places, [one, other]) = places(1, 1);
        let held = places.take(&one).await;
        let mut gone = Box::pin(places.take(&other));
        assert!((&mut gone).now_or_never().is_none());
        let mut stays = Box::pin(places.take(&one));
        assert!((&mut stays).now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(stays.now_or_never().is_some());
        assert!(places.try_take(&other).is_some());
    }

    #[tokio::test]
    async fn a_place_that_was_given_and_not_taken_goes_to_the_next() {
        let (places, [one, other]) = places(1, 1);
        let held = places.take(&one).await;
        let mut gone = Box::pin(places.take(&other));
        assert!((&mut gone).now_or_never().is_none());
        drop(held);
        assert!(places.try_take(&one).is_none(), "it is the other's");
        drop(gone);
        assert!(places.try_take(&one).is_some());
    }
}
