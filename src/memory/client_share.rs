//! One client's part of the bounded memory, and its wait for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bound::{Memory, SMALL};
use super::reply_room::ReplyRoom;
use crate::account::{Account, Place};

/// The time after a refusal in which the next requests of a pipeline do not wait again for a store
/// that is unreachable: longer than a pipeline pauses between two batches, and short enough that a
/// client that tries again later waits again.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// The assumed length of a value whose request cannot be repeated.
const UNSEEN: usize = 1024 * 1024;
/// Room for this many times that length is ample.
const AMPLE: usize = 16;

/// One client's part of the bounded memory; given back when it is dropped.
#[derive(Debug)]
pub struct ClientShare {
    pub(super) memory: Arc<Memory>,
    pub(super) account: Arc<Account>,
    pub(super) buffers: usize,
    pub(super) replies: usize,
    /// The end of the time in which requests are impatient, see [`ReplyRoom::is_impatient`].
    pub(super) impatient_until: Option<Instant>,
    pub(super) turn: Option<Place>,
    /// Whether the last lack was in the user's share, not in the whole.
    pub(super) is_short_of_own: AtomicBool,
}

/// The right to exceed the bound, if it was granted. One client has it at a time.
#[derive(Debug)]
pub struct Turn(Option<Place>);

impl Memory {
    /// The share of a client of `account`, empty at first.
    pub fn share(self: &Arc<Memory>, account: &Arc<Account>) -> ClientShare {
        let (memory, account) = (Arc::clone(self), Arc::clone(account));
        ClientShare {
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

impl ClientShare {
    /// Sets the bytes that the connection's buffers hold now.
    pub fn set(&mut self, buffers: usize) {
        if buffers > self.buffers {
            self.memory.add(&self.account, buffers - self.buffers);
        } else {
            self.memory.subtract(&self.account, self.buffers - buffers);
        }
        self.buffers = buffers;
        self.end_turn();
    }

    /// Sets whether the store was unreachable for the client's last requests, which have waited for
    /// it. See [`ReplyRoom::is_impatient`].
    pub fn set_impatient(&mut self, is_impatient: bool) {
        self.impatient_until = is_impatient.then(|| Instant::now() + IMPATIENCE);
    }

    /// Adds the bytes of received replies, until [`ClientShare::let_replies_go`].
    pub fn keep(&mut self, mut replies: ReplyRoom) {
        replies.settle();
        self.replies += std::mem::take(&mut replies.room);
        self.memory.wake(&self.account);
    }

    /// Drops the bytes of replies.
    pub fn let_replies_go(&mut self) {
        self.memory.subtract(&self.account, std::mem::take(&mut self.replies));
        self.end_turn();
    }

    /// The room for a batch's replies, empty at first.
    pub fn hold(&self) -> ReplyRoom {
        let (memory, account) = (Arc::clone(&self.memory), Arc::clone(&self.account));
        let is_free = self.turn.is_some();
        let is_impatient = self.impatient_until.is_some_and(|end| Instant::now() < end);
        ReplyRoom { memory, account, bytes: 0, room: 0, is_free, is_impatient }
    }

    /// The number of requests that may be sent at a time, and the room for their replies. `values`
    /// has, for each request, the number of values in its reply. At least one request is counted if
    /// there is one. Values are assumed as long as the longest seen lately. The room is `None` if
    /// memory has none.
    pub fn make_room(&self, values: impl Iterator<Item = usize>) -> (usize, Option<ReplyRoom>) {
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

    /// Room for replies of `bytes`, if memory has it.
    pub fn make_room_for(&self, bytes: usize) -> Option<ReplyRoom> {
        let mut hold = self.hold();
        let has_room = hold.take_room(bytes);
        if !has_room {
            self.note_lack(bytes);
        }
        has_room.then_some(hold)
    }

    /// Whether memory has far more room than `values` values of unknown length and `beside` bytes
    /// are likely to need, whatever other clients take meanwhile. False if a long value was seen
    /// lately.
    pub fn has_ample_room(&self, values: usize, beside: usize) -> bool {
        let bytes = values.saturating_mul(AMPLE * UNSEEN).saturating_add(beside);
        let is_long = values > 0 && self.memory.longest.load(Ordering::Relaxed) > UNSEEN;
        !is_long && (bytes <= SMALL || self.memory.has_room(&self.account, bytes))
    }

    /// Room for `values` values, each as long as the longest seen lately, and for `beside` bytes,
    /// if memory has it.
    pub fn make_room_beside(&self, values: usize, beside: usize) -> Option<ReplyRoom> {
        let bytes = values.saturating_mul(self.memory.expected_value());
        self.make_room_for(bytes.saturating_add(beside))
    }

    /// The bound on all clients together.
    pub fn limit(&self) -> usize {
        if self.memory.limit == 0 { usize::MAX } else { self.memory.limit }
    }

    /// Whether the client has the right to exceed the bound.
    pub fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether the client may hold `more` bytes: memory has room, or the client stays small.
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

    /// Whether the client must send its replies before an operation that may wait for memory:
    /// during the wait, others would wait for the memory of those replies.
    pub fn must_send_first(&self) -> bool {
        self.replies > SMALL && self.memory.limit != 0
    }

    /// Whether the client holds more than [`SMALL`].
    pub fn is_large(&self) -> bool {
        self.held() > SMALL
    }

    /// Whether the client must wait before it takes more memory.
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

    /// Waits until memory may have room, or for the right to exceed the bound.
    pub async fn wait(&mut self) {
        if self.turn.is_none() {
            let turn = self.released().await;
            self.resume(turn);
        }
    }

    /// Waits until [`ClientShare::must_pause`] is worth calling again; returns the argument of
    /// [`ClientShare::resume`].
    pub fn released(&self) -> impl Future<Output = Turn> + Send + 'static {
        let (released, turn) = (self.room_released(), Arc::clone(&self.memory.turn));
        let account = Arc::clone(&self.account);
        async move {
            tokio::select! {
                () = released => Turn(None),
                // The place is kept: given back, it would go to the next in the queue.
                place = turn.take(&account) => Turn(Some(place)),
            }
        }
    }

    /// Waits until there may be room where it lacked at the last call.
    pub fn room_released(&self) -> impl Future<Output = ()> + Send + 'static {
        let (memory, account) = (Arc::clone(&self.memory), Arc::clone(&self.account));
        let is_own = self.is_short_of_own.load(Ordering::Relaxed);
        if is_own {
            // A signal about other users' memory may have woken this client, which cannot use it.
            memory.released.notify_one();
        }
        async move {
            let _waiter = Waiter::enter(&memory);
            let released = if is_own { &account.memory_released } else { &memory.released };
            released.notified().await;
        }
    }

    /// Ends the wait, and takes the turn if it was granted.
    pub fn resume(&mut self, turn: Turn) {
        if turn.0.is_some() {
            self.turn = turn.0;
        }
    }

    /// Notes whether the user's share or the whole lacks room.
    fn note_lack(&self, bytes: usize) {
        let is_own = !self.memory.has_room_in_share(&self.account, bytes);
        self.is_short_of_own.store(is_own, Ordering::Relaxed);
    }

    /// The bytes that the client holds.
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

impl Drop for ClientShare {
    fn drop(&mut self) {
        self.memory.subtract(&self.account, self.buffers + self.replies);
    }
}

/// Counts a waiting client as long as it lives.
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
