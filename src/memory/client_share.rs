//! One client's part of the bound, and how it waits for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bound::{Memory, SMALL};
use super::reply_room::Hold;
use crate::account::{Account, Place};

/// For how long the requests that a client sent together do not wait again for a store that is away:
/// enough to refuse a long pipeline, and short enough for who tries again to wait again.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// What a value is taken for, before it is asked for in a way that is not to be repeated.
const UNSEEN: usize = 1024 * 1024;
/// How many times the room for such a value is ample.
const AMPLE: usize = 16;

/// One client's part of it; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    pub(super) memory: Arc<Memory>,
    pub(super) account: Arc<Account>,
    pub(super) buffers: usize,
    pub(super) replies: usize,
    /// Until when requests are impatient, see [`Hold::is_impatient`].
    pub(super) impatient_until: Option<Instant>,
    pub(super) turn: Option<Place>,
    /// What was lacking last was room in the user's share, not in all.
    pub(super) is_short_of_own: AtomicBool,
}

/// Perhaps the right to go on past the bound, which one client has at a time.
#[derive(Debug)]
pub struct Turn(Option<Place>);

impl Memory {
    /// A share for a client of `account` that holds nothing yet.
    pub fn share(self: &Arc<Memory>, account: &Arc<Account>) -> Share {
        let (memory, account) = (Arc::clone(self), Arc::clone(account));
        Share {
            memory,
            account,
            buffers: 0,
            replies: 0,
            turn: None,
            impatient_until: None,
            is_short_of_own: AtomicBool::new(false),
        }
    }
}

impl Share {
    /// Tells how much the connection's buffers hold now.
    pub fn set(&mut self, buffers: usize) {
        if buffers > self.buffers {
            self.memory.add(&self.account, buffers - self.buffers);
        } else {
            self.memory.subtract(&self.account, self.buffers - buffers);
        }
        self.buffers = buffers;
        self.end_turn();
    }

    /// Tells whether the store was away for the client's last requests, which have waited for it. See
    /// [`Hold::is_impatient`].
    pub fn set_impatient(&mut self, is_impatient: bool) {
        match (is_impatient, self.impatient_until) {
            (false, _) => self.impatient_until = None,
            (true, Some(end)) if Instant::now() < end => {}
            (true, _) => self.impatient_until = Some(Instant::now() + IMPATIENCE),
        }
    }

    /// Adds what replies take that have come, until [`Share::let_replies_go`].
    pub fn keep(&mut self, mut replies: Hold) {
        replies.settle();
        self.replies += std::mem::take(&mut replies.room);
        self.memory.wake(&self.account);
    }

    /// The replies are no longer held.
    pub fn let_replies_go(&mut self) {
        self.memory.subtract(&self.account, std::mem::take(&mut self.replies));
        self.end_turn();
    }

    /// What the replies to a batch take, of which nothing has come yet.
    pub fn hold(&self) -> Hold {
        let (memory, account) = (Arc::clone(&self.memory), Arc::clone(&self.account));
        let is_free = self.turn.is_some();
        let is_impatient = self.impatient_until.is_some_and(|end| Instant::now() < end);
        Hold { memory, account, bytes: 0, room: 0, is_free, is_impatient }
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
        let has_room = hold.take_room(bytes);
        if !has_room {
            self.note_lack(bytes);
        }
        has_room.then_some(hold)
    }

    /// Whether there is far more room than so many values of unknown length are likely to need, and
    /// for `beside` bytes besides, whatever others take meanwhile. No long value was seen lately.
    pub fn has_ample_room(&self, values: usize, beside: usize) -> bool {
        let bytes = values.saturating_mul(AMPLE * UNSEEN).saturating_add(beside);
        let is_long = values > 0 && self.memory.longest.load(Ordering::Relaxed) > UNSEEN;
        !is_long && (bytes <= SMALL || self.memory.has_room(&self.account, bytes))
    }

    /// Room for so many values as long as the longest that was seen lately, and for `beside` bytes
    /// besides, if there is any.
    pub fn make_room_beside(&self, values: usize, beside: usize) -> Option<Hold> {
        let bytes = values.saturating_mul(self.memory.expected_value());
        self.make_room_for(bytes.saturating_add(beside))
    }

    /// The bound on all clients together.
    pub fn limit(&self) -> usize {
        if self.memory.limit == 0 { usize::MAX } else { self.memory.limit }
    }

    /// Whether the client has the right to go on past the bound.
    pub fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether so many more may be held: there is room, or it is only a little.
    pub fn may_hold(&self, more: usize) -> bool {
        self.held() + more <= SMALL || self.has_room(more)
    }

    fn has_room(&self, bytes: usize) -> bool {
        let has_room = self.memory.has_room(&self.account, bytes);
        if !has_room {
            self.note_lack(bytes);
        }
        has_room
    }

    /// Whether replies that the client holds must be sent before it asks for what it may have to wait
    /// for: as long as it waits, others would wait for those.
    pub fn must_send_first(&self) -> bool {
        self.replies > SMALL && self.memory.limit != 0
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
        if self.has_room(0) {
            self.memory.wake(&self.account);
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
        let (released, turn) = (self.room_released(), Arc::clone(&self.memory.turn));
        let account = Arc::clone(&self.account);
        async move {
            tokio::select! {
                () = released => Turn(None),
                // Kept, for given back it would go to the next in the queue.
                place = turn.take(&account) => Turn(Some(place)),
            }
        }
    }

    /// Waits until there may be room where there was none when it was asked for last.
    pub fn room_released(&self) -> impl Future<Output = ()> + Send + 'static {
        let (memory, account) = (Arc::clone(&self.memory), Arc::clone(&self.account));
        let is_own = self.is_short_of_own.load(Ordering::Relaxed);
        if is_own {
            // Perhaps this client was woken by what others let go, which is of no use to it.
            memory.released.notify_one();
        }
        async move {
            let _waiter = Waiter::enter(&memory);
            let released = if is_own { &account.memory_released } else { &memory.released };
            released.notified().await;
        }
    }

    /// Ends the wait, with the turn if that is what came.
    pub fn resume(&mut self, turn: Turn) {
        if turn.0.is_some() {
            self.turn = turn.0;
        }
    }

    /// Notes where there was no room.
    fn note_lack(&self, bytes: usize) {
        let is_own = !self.memory.has_room_in_share(&self.account, bytes);
        self.is_short_of_own.store(is_own, Ordering::Relaxed);
    }

    /// Bytes that the client holds.
    pub fn held(&self) -> usize {
        self.buffers + self.replies
    }

    pub(super) fn take_turn(&mut self) {
        self.turn = self.memory.turn.try_take(&self.account);
    }

    fn end_turn(&mut self) {
        if !self.is_large() {
            self.turn = None;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.subtract(&self.account, self.buffers + self.replies);
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
