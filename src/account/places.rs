//! A bounded number of places, shared out fairly: each user has at most its share, and of the users
//! that wait each is served in turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{Account, Resource};

/// Places for one [`Resource`].
#[derive(Debug)]
pub struct Places {
    resource: Resource,
    /// What one user may have at a time; the rest is kept for others.
    share: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// One for each user that waits; the user whose turn is next is first.
    queues: VecDeque<Queue>,
}

/// The tasks of one user that wait, the oldest first.
#[derive(Debug)]
struct Queue {
    account: Arc<Account>,
    tasks: VecDeque<oneshot::Sender<Place>>,
}

/// One of the places, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    account: Arc<Account>,
}

impl State {
    /// Forgets tasks that no longer wait.
    fn forget_gone(&mut self) {
        self.queues.retain_mut(|queue| {
            queue.tasks.retain(|task| !task.is_closed());
            !queue.tasks.is_empty()
        });
    }
}

impl Places {
    /// `total` places, of which one user may have `share` at a time, one at least.
    pub fn new(resource: Resource, total: usize, share: usize) -> Arc<Places> {
        let state = State { free: total, queues: VecDeque::new() };
        Arc::new(Places { resource, share: share.max(1), state: Mutex::new(state) })
    }

    /// A place, if there is one for the user of `account` now and nobody else waits for it.
    pub fn try_take(self: &Arc<Places>, account: &Arc<Account>) -> Option<Place> {
        let mut state = self.state();
        state.forget_gone();
        let is_first = state.queues.iter().all(|queue| !self.may_have(&queue.account));
        (is_first && state.free > 0 && self.may_have(account)).then(|| {
            state.free -= 1;
            self.give(account)
        })
    }

    /// A place, as soon as it is the user's turn. Tasks of one user are served in order, and users
    /// in turn. Dropped, the task no longer waits.
    pub async fn take(self: &Arc<Places>, account: &Arc<Account>) -> Place {
        loop {
            if let Some(place) = self.try_take(account) {
                return place;
            }
            let (task, place) = oneshot::channel();
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
            // A place may have become free in between.
            self.serve();
            if let Ok(place) = place.await {
                return place;
            }
        }
    }

    /// How many tasks wait.
    pub fn waiting(&self) -> usize {
        self.state().queues.iter().map(|queue| queue.tasks.len()).sum()
    }

    /// Whether the user of `account` has less than its share. kvsock itself always has.
    fn may_have(&self, account: &Account) -> bool {
        account.uid().is_none() || account.taken(self.resource) < self.share
    }

    fn give(self: &Arc<Places>, account: &Arc<Account>) -> Place {
        account.add(self.resource, 1);
        Place { places: Arc::clone(self), account: Arc::clone(account) }
    }

    /// Gives free places to tasks that wait.
    fn serve(self: &Arc<Places>) {
        while let Some((task, place)) = self.next() {
            // Unless the task went away: dropped here, the place is for the next.
            drop(task.send(place));
        }
    }

    /// The task whose turn it is, and its place.
    fn next(self: &Arc<Places>) -> Option<(oneshot::Sender<Place>, Place)> {
        let mut state = self.state();
        if state.free == 0 {
            return None;
        }
        state.forget_gone();
        let turn = state.queues.iter().position(|queue| self.may_have(&queue.account))?;
        let mut queue = state.queues.remove(turn)?;
        let task = queue.tasks.pop_front()?;
        let place = self.give(&queue.account);
        state.free -= 1;
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
        self.account.subtract(self.places.resource, 1);
        self.places.state().free += 1;
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
    fn kvsock_itself_has_no_share() {
        let (places, _) = places(2, 1);
        let own = Account::own();
        let _held = [places.try_take(&own).expect("first"), places.try_take(&own).expect("second")];
        assert!(places.try_take(&own).is_none());
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
