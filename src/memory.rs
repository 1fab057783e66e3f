//! The bound on what all clients take together: `KVSOCK_MAX_MEMORY` over the buffers of their
//! connections and over replies on their way from the store.
//!
//! Past it those that hold much wait until others have let go; those that hold little are not
//! touched. So that those that hold much cannot wait for each other, one of them at a time goes
//! on, past the bound by no more than its own request and one reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A client that holds no more than this never waits for others.
pub const SMALL: usize = 64 * 1024;

/// What a value of unknown length is taken for, as long as none was seen that is not small.
const SMALL_VALUE: usize = 256;

/// The part of the bound that one client's replies may take at a time, unless it is one reply.
const FRACTION: usize = 16;

/// Bytes that all clients hold.
#[derive(Debug)]
pub struct Memory {
    limit: usize,
    used: AtomicUsize,
    /// The longest value seen lately, of those that are not small.
    longest: AtomicUsize,
    /// Clients that wait for others to let go.
    waiting: AtomicUsize,
    /// Somebody let go while the bound was passed.
    released: Notify,
    turn: Arc<Semaphore>,
}

/// One client's part of it; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Memory>,
    buffers: usize,
    replies: usize,
    turn: Option<OwnedSemaphorePermit>,
}

/// What the replies to one batch take, while they are on their way; given back when it is dropped.
#[derive(Debug)]
pub struct Hold {
    memory: Arc<Memory>,
    /// Bytes that have come.
    bytes: usize,
    /// Bytes that there is room for.
    room: usize,
    /// Its client has the right to go past the bound.
    is_free: bool,
}

/// Perhaps the right to go on past the bound, which one client has at a time.
#[derive(Debug)]
pub struct Turn(Option<OwnedSemaphorePermit>);

impl Memory {
    /// Bounds what clients hold at `limit` bytes; 0 is unlimited.
    pub fn new(limit: usize) -> Memory {
        Memory {
            limit,
            used: AtomicUsize::new(0),
            longest: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            released: Notify::new(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// A share for a client that holds nothing yet.
    pub fn share(self: &Arc<Memory>) -> Share {
        Share { memory: Arc::clone(self), buffers: 0, replies: 0, turn: None }
    }

    /// Whether somebody waits for others to let go.
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn is_over(&self) -> bool {
        self.limit != 0 && self.used.load(Ordering::Relaxed) > self.limit
    }

    /// Whether there is room for so many more.
    fn has_room(&self, bytes: usize) -> bool {
        self.limit == 0 || self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.limit
    }

    fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        if bytes > 0 {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            self.wake();
        }
    }

    /// Lets one of those that wait look whether there is room now. If there is, it wakes the next.
    fn wake(&self) {
        if self.is_awaited() {
            self.released.notify_one();
        }
    }

    /// Learns how long values are.
    fn learn(&self, bytes: usize) {
        if bytes > SMALL {
            self.longest.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// What a value of unknown length is taken for. It forgets slowly what it has learnt.
    fn expected_value(&self) -> usize {
        let longest = self.longest.load(Ordering::Relaxed);
        if longest > 0 {
            let less = longest - longest / 1024 - 1;
            self.longest.store(less, Ordering::Relaxed);
        }
        longest.max(SMALL_VALUE)
    }

    /// What one client's replies may take at a time.
    fn most(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit / FRACTION }
    }
}

impl Share {
    /// Tells how much the connection's buffers hold now.
    pub fn set(&mut self, buffers: usize) {
        if buffers > self.buffers {
            self.memory.add(buffers - self.buffers);
        } else {
            self.memory.subtract(self.buffers - buffers);
        }
        self.buffers = buffers;
        self.end_turn();
    }

    /// Adds what replies take that have come, until [`Share::let_replies_go`].
    pub fn keep(&mut self, mut replies: Hold) {
        replies.settle();
        self.replies += std::mem::take(&mut replies.room);
        self.memory.wake();
    }

    /// The replies are no longer held.
    pub fn let_replies_go(&mut self) {
        self.memory.subtract(std::mem::take(&mut self.replies));
        self.end_turn();
    }

    /// What the replies to a batch take, of which nothing has come yet.
    pub fn hold(&self) -> Hold {
        let memory = Arc::clone(&self.memory);
        Hold { memory, bytes: 0, room: 0, is_free: self.turn.is_some() }
    }

    /// How many of the requests whose replies hold `values` each may be asked at a time, one at
    /// least where there is one, and what their replies take: there is room for values as long as
    /// the longest that was seen lately. None instead if there is no such room.
    pub fn make_room(&self, values: impl Iterator<Item = usize>) -> (usize, Option<Hold>) {
        let expected = self.memory.expected_value();
        let most = if self.turn.is_some() { 0 } else { self.memory.most() };
        let (mut count, mut bytes) = (0, 0_usize);
        for values in values {
            let more = bytes.saturating_add(values.saturating_mul(expected));
            if count > 0 && more > most {
                break;
            }
            (count, bytes) = (count + 1, more);
        }
        (count, self.make_room_for(bytes))
    }

    /// What replies of so many bytes take, if there is room for them.
    pub fn make_room_for(&self, bytes: usize) -> Option<Hold> {
        let mut hold = self.hold();
        hold.take_room(bytes).then_some(hold)
    }

    /// Whether the client has the right to go on past the bound.
    pub fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether replies that the client holds should be sent before there are more: it holds more than
    /// a little, and there is not much room left.
    pub fn must_send(&self) -> bool {
        self.replies > SMALL && !self.memory.has_room(self.memory.most())
    }

    /// Whether the client holds more than a little.
    pub fn is_large(&self) -> bool {
        self.held() > SMALL
    }

    /// Whether the client must wait before it takes more.
    pub fn must_pause(&mut self) -> bool {
        if !self.is_large() || self.turn.is_some() {
            return false;
        }
        if !self.memory.is_over() {
            self.memory.wake();
            return false;
        }
        self.take_turn();
        self.turn.is_none()
    }

    /// Waits until there may be more room, or for the right to go on past the bound.
    pub async fn wait(&mut self) {
        if self.turn.is_none() {
            let turn = self.released().await;
            self.resume(turn);
        }
    }

    /// Waits until [`Share::must_pause`] is worth asking again; gives what [`Share::resume`]
    /// takes.
    pub fn released(&self) -> impl Future<Output = Turn> + Send + 'static {
        let memory = Arc::clone(&self.memory);
        async move {
            let _waiter = Waiter::enter(&memory);
            let turn = Arc::clone(&memory.turn).acquire_owned();
            tokio::select! {
                () = memory.released.notified() => Turn(None),
                // Kept, for given back it would go to the next in the queue.
                permit = turn => Turn(permit.ok()),
            }
        }
    }

    /// Ends the wait, with the turn if that is what came.
    pub fn resume(&mut self, turn: Turn) {
        if turn.0.is_some() {
            self.turn = turn.0;
        }
    }

    fn held(&self) -> usize {
        self.buffers + self.replies
    }

    fn take_turn(&mut self) {
        self.turn = Arc::clone(&self.memory.turn).try_acquire_owned().ok();
    }

    fn end_turn(&mut self) {
        if !self.is_large() {
            self.turn = None;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.subtract(self.buffers + self.replies);
    }
}

impl Hold {
    /// A hold on nothing that is bounded.
    pub fn unlimited() -> Hold {
        Hold { memory: Arc::new(Memory::new(0)), bytes: 0, room: 0, is_free: true }
    }

    /// All of it, to be taken along; nothing is left here.
    #[must_use]
    pub fn take(&mut self) -> Hold {
        Hold {
            memory: Arc::clone(&self.memory),
            bytes: std::mem::take(&mut self.bytes),
            room: std::mem::take(&mut self.room),
            is_free: self.is_free,
        }
    }

    /// Takes back what was taken along.
    pub fn join(&mut self, mut other: Hold) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.room += std::mem::take(&mut other.room);
    }

    /// So many more have come, or will; false, with nothing changed, when there is no room.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let is_first = self.bytes <= SMALL;
        let may_have_more = is_first || self.is_free || sum <= self.memory.most();
        if !may_have_more || !self.take_room(sum.saturating_sub(self.room)) {
            return false;
        }
        self.bytes = sum;
        true
    }

    /// So many more have come, whether there is room or not.
    pub fn force(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.add_room(self.bytes.saturating_sub(self.room));
    }

    /// Learns how long a value is that was, or is to be, stored.
    pub fn learn(&self, bytes: usize) {
        self.memory.learn(bytes);
    }

    /// Gives back the room that was not needed.
    fn settle(&mut self) {
        self.memory.subtract(self.room.saturating_sub(self.bytes));
        self.room = self.room.min(self.bytes);
    }

    fn take_room(&mut self, bytes: usize) -> bool {
        let is_small = self.room.saturating_add(bytes) <= SMALL;
        let has_room = is_small || self.is_free || self.memory.has_room(bytes);
        if has_room {
            self.add_room(bytes);
        }
        has_room
    }

    fn add_room(&mut self, bytes: usize) {
        if self.memory.limit != 0 && bytes > 0 {
            self.memory.add(bytes);
            self.room += bytes;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.memory.subtract(self.room);
    }
}

/// Counts among those that wait, as long as it lives.
struct Waiter<'a>(&'a Memory);

impl Waiter<'_> {
    fn enter(memory: &Memory) -> Waiter<'_> {
        memory.waiting.fetch_add(1, Ordering::Relaxed);
        Waiter(memory)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_bound_the_large_wait_but_one_and_the_small_go_on() {
        let memory = Arc::new(Memory::new(1_000_000));
        let (mut first, mut second, mut small) = (memory.share(), memory.share(), memory.share());
        first.set(600_000);
        assert!(!first.must_pause());
        second.set(600_000);
        small.set(SMALL);
        assert!(!second.must_pause(), "has the turn");
        assert!(first.must_pause());
        assert!(!small.must_pause());
        second.set(0);
        assert!(!first.must_pause(), "no longer past the bound");
        drop(first);
        drop(small);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn replies_find_room_up_to_the_bound_and_past_it_for_who_has_the_turn() {
        let memory = Arc::new(Memory::new(1_000_000));
        let (mut first, second) = (memory.share(), memory.share());
        let mut hold = first.hold();
        assert!(hold.grow(900_000), "one reply may take what there is");
        assert!(!hold.grow(10_000), "not more than one");
        let mut other = second.hold();
        assert!(other.grow(SMALL), "a little is always there");
        assert!(!other.grow(100_000));
        first.keep(hold);
        first.take_turn();
        assert!(first.hold().grow(500_000), "has the turn");
        first.let_replies_go();
        assert!(first.turn.is_none());
        assert!(other.grow(100_000));
        drop(other);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn requests_wait_for_room_for_values_as_long_as_the_longest_seen() {
        let memory = Arc::new(Memory::new(1_600_000));
        let share = memory.share();
        let count = |share: &Share| {
            let (count, hold) = share.make_room(std::iter::repeat_n(1, 200));
            hold.map(|_| count)
        };
        assert_eq!(count(&share), Some(200));
        share.hold().learn(SMALL + 1);
        assert_eq!(count(&share), Some(1));
        share.hold().learn(700_000);
        let held = [share.make_room([1, 1].into_iter()), share.make_room([1].into_iter())];
        assert!(held.iter().all(|held| matches!(held, (1, Some(_)))), "{held:?}");
        assert!(share.make_room([1].into_iter()).1.is_none());
        assert!(share.make_room([0, 0].into_iter()).1.is_some(), "they hold no values");
        assert!(share.make_room_for(SMALL).is_some(), "a little is always there");
        drop(held);
        let forgotten = (0..10_000).find(|_| count(&share) == Some(200));
        assert!(forgotten.is_some(), "{memory:?}");
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_kept_is_what_came_and_not_what_there_was_room_for() {
        let memory = Arc::new(Memory::new(1_000_000));
        let mut share = memory.share();
        share.hold().learn(100_000);
        let mut hold = share.make_room([2].into_iter()).1.expect("room");
        assert!(memory.used.load(Ordering::Relaxed) > 190_000);
        let mut part = hold.take();
        assert!(part.grow(10));
        part.force(20);
        hold.join(part);
        share.keep(hold);
        assert_eq!(memory.used.load(Ordering::Relaxed), 30);
        share.let_replies_go();
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn without_a_bound_there_is_always_room() {
        let memory = Arc::new(Memory::new(0));
        let mut share = memory.share();
        share.hold().learn(usize::MAX);
        let (count, hold) = share.make_room([usize::MAX; 3].into_iter());
        assert_eq!(count, 3);
        let mut hold = hold.expect("room");
        assert!(hold.grow(usize::MAX) && hold.grow(usize::MAX));
        share.keep(hold);
        assert!(!share.is_large());
    }

    #[tokio::test]
    async fn who_waits_is_woken_when_another_lets_go() {
        let memory = Arc::new(Memory::new(1_000_000));
        let (mut first, mut second) = (memory.share(), memory.share());
        first.set(600_000);
        second.set(600_000);
        assert!(!second.must_pause());
        assert!(first.must_pause());
        let released = tokio::spawn(first.released());
        tokio::task::yield_now().await;
        assert!(memory.is_awaited());
        drop(second);
        first.resume(released.await.expect("woken"));
        assert!(!first.must_pause());
        assert!(!memory.is_awaited());
    }

    #[tokio::test]
    async fn the_turn_goes_round_among_many_that_wait() {
        let memory = Arc::new(Memory::new(1));
        let mut shares: Vec<Share> = std::iter::repeat_with(|| memory.share()).take(5).collect();
        for share in &mut shares {
            share.set(SMALL + 1);
        }
        assert!(!shares[0].must_pause());
        let waiting: Vec<_> =
            shares[1..].iter().map(|share| tokio::spawn(share.released())).collect();
        tokio::task::yield_now().await;
        let mut holder = 0;
        for (index, turn) in waiting.into_iter().enumerate() {
            // Only the turn wakes the next: the bound is passed until the end.
            let held = std::mem::take(&mut shares[holder].turn);
            drop(held);
            holder = index + 1;
            let turn = turn.await.expect("woken");
            shares[holder].resume(turn);
            assert!(!shares[holder].must_pause(), "share {holder}");
        }
    }
}
