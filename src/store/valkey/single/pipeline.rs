//! Carries out operations of one command each, as one pipeline. Decides which commands may be sent
//! again when the connection is lost, and when replies find no room.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::guarded::Sender;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cache::Cache;
use crate::store::valkey::connect::link::Link;
use crate::store::valkey::cost::expense;
use crate::store::valkey::keys::prefix::{Prefix, StoredKey};
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::exchange::{Exchange, Lost, Wanted};
use crate::store::valkey::wire::refusal::Refusal;

/// The wait before the next attempt at a server that loads its data.
const LOADING_WAIT: Duration = Duration::from_millis(50);

/// Pipelines to one server.
pub(crate) struct Pipelines<'a> {
    pub(crate) link: &'a Link,
    pub(crate) prefix: &'a Prefix,
    pub(crate) max_reply: usize,
}

impl Sender for Pipelines<'_> {
    async fn send(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        Run::new(batch, self.max_reply).finish(self.link, self.prefix, deadline, hold).await
    }
}

/// Positions in a batch.
type Positions = SmallVec<[usize; 16]>;

/// Operations of one command each, while they are carried out.
pub(crate) struct Run<'a> {
    batch: &'a [Operation],
    /// One reply for each operation. Those at the positions in `open` are placeholders.
    replies: Vec<Reply>,
    open: Positions,
    max_reply: usize,
}

impl<'a> Run<'a> {
    /// Refuses at once the operations that are not to be sent.
    pub(crate) fn new(batch: &'a [Operation], max_reply: usize) -> Run<'a> {
        let mut run = Run {
            batch,
            replies: Vec::with_capacity(batch.len()),
            open: Positions::new(),
            max_reply,
        };
        for (position, operation) in batch.iter().enumerate() {
            if let Some(refusal) = expense::refusal(operation, max_reply) {
                run.replies.push(refusal);
            } else {
                run.replies.push(Reply::Nil);
                run.open.push(position);
            }
        }
        run
    }

    /// Sends the open operations until each has its reply. Ends early when replies find no room:
    /// then it gives the first replies, maybe none, and the other operations were not carried out.
    /// `deadline` bounds the wait for a connection. The connection itself bounds the wait for a
    /// reply.
    pub(crate) async fn finish(
        mut self,
        link: &Link,
        prefix: &Prefix,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        while !self.open.is_empty() {
            let connection = match link.connection(deadline).await {
                Ok(connection) => connection,
                Err(cause) => {
                    for position in std::mem::take(&mut self.open) {
                        self.replies[position] = reply::unavailable(cause.clone());
                    }
                    break;
                }
            };
            let cache = connection.cache();
            if let Some(cache) = cache {
                let has_room = self.answer_from(cache, prefix, hold);
                if !has_room || self.open.is_empty() {
                    break;
                }
            }
            match connection.ask(self.exchange(prefix, cache, hold.take())).await {
                Ok(answer) => {
                    if let Some(cache) = cache {
                        let asked = self.open.iter().map(|position| &self.batch[*position]);
                        cache.forget(prefix, asked);
                    }
                    hold.join(answer.hold);
                    let refusal = connection.refusal(&answer.replies);
                    if self.settle(prefix, answer.replies, refusal, deadline).await {
                        break;
                    }
                }
                Err(lost) => self.lose(&lost, deadline),
            }
        }
        self.replies
    }

    /// The exchange for the open operations. Replies up to that of the last write are always taken,
    /// since a read that is sent again would see the write.
    fn exchange(&self, prefix: &Prefix, cache: Option<&Cache>, hold: ReplyRoom) -> Exchange {
        let is_write = |position: &usize| self.batch[*position].is_write();
        let kept = self.open.iter().rposition(is_write).map_or(0, |last| last + 1);
        let bytes = |position: &usize| prefix.bytes(&self.batch[*position]);
        let mut commands = Commands::with_room(self.open.iter().map(bytes).sum());
        let mut wanted = VecDeque::new();
        let mut stored = StoredKey::new();
        for (number, position) in self.open.iter().enumerate() {
            let operation = &self.batch[*position];
            if let Some(cache) = cache
                && operation.spec().is_lookup()
            {
                let key = prefix.stored_in(&operation.args[0], &mut stored);
                if cache.wants(key) {
                    commands.push(&[b"CLIENT", b"CACHING", b"YES"]);
                    commands.push(&[b"PTTL", key]);
                    wanted.push_back(Wanted { number, key: key.into() });
                }
            }
            prefix.write(operation, &mut commands);
        }
        if let Some(cache) = cache {
            let gets = self.open.iter().filter(|it| self.batch[**it].spec().is_lookup());
            cache.count(0, gets.count());
        }
        Exchange { commands, wanted, kept, is_once: false, max_reply: self.max_reply, hold }
    }

    /// Answers open operations from the near cache, up to the first one that must be sent: later
    /// replies must not be older than its reply. False if a reply finds no room; then only the
    /// replies before it remain.
    fn answer_from(&mut self, cache: &Cache, prefix: &Prefix, hold: &mut ReplyRoom) -> bool {
        let Some(look) = cache.look(Instant::now()) else { return true };
        let mut stored = StoredKey::new();
        let mut hits = 0;
        let mut has_room = true;
        for position in &self.open {
            let operation = &self.batch[*position];
            if !operation.spec().is_lookup() {
                break;
            }
            let key = prefix.stored_in(&operation.args[0], &mut stored);
            let Some(reply) = look.get(key) else { break };
            has_room = hold.grow(reply.data_len());
            if !has_room {
                self.replies.truncate(*position);
                break;
            }
            self.replies[*position] = reply;
            hits += 1;
        }
        drop(look);
        self.open.drain(..hits);
        cache.count(hits, 0);
        has_room
    }

    /// Takes the replies. Operations that a loading server turned away stay open if it also turned
    /// away all later ones; otherwise a later one would overtake. Operations that a server refused
    /// because it is no master stay open, too, with the reads from `refusal` on. True if some
    /// replies found no room.
    async fn settle(
        &mut self,
        prefix: &Prefix,
        replies: Vec<Reply>,
        refusal: Option<(usize, Cow<'static, str>)>,
        deadline: Option<Instant>,
    ) -> bool {
        let open = std::mem::take(&mut self.open);
        let cut = open.get(replies.len()).copied();
        let turned_away = |order: usize, position: usize, reply: &Reply| {
            reply::not_serving(reply).or_else(|| {
                let (first, cause) = refusal.as_ref()?;
                let is_read = !self.batch[position].is_write();
                let is_refused = is_read || Refusal::of(reply).is_some();
                (order >= *first && is_refused).then(|| cause.clone())
            })
        };
        let served = replies
            .iter()
            .enumerate()
            .rposition(|(order, reply)| turned_away(order, open[order], reply).is_none())
            .map_or(0, |last| last + 1);
        let may_wait = deadline.is_none_or(|deadline| Instant::now() < deadline);
        for (order, (position, reply)) in open.into_iter().zip(replies).enumerate() {
            match turned_away(order, position, &reply) {
                None => {
                    let operation = &self.batch[position];
                    self.replies[position] = reply::of(prefix, operation, reply, self.max_reply);
                }
                Some(_) if order >= served && may_wait && cut.is_none() => {
                    self.open.push(position);
                }
                Some(cause) => self.replies[position] = reply::unavailable(cause),
            }
        }
        if let Some(cut) = cut {
            self.replies.truncate(cut);
        } else if !self.open.is_empty() {
            tokio::time::sleep(LOADING_WAIT).await;
        }
        cut.is_some()
    }

    /// Handles a lost connection. Operations that were not sent stay open. Of those that were sent,
    /// writes have an unknown outcome, and reads stay open. A read before a write to the same key
    /// is not repeated, since it could see the write.
    fn lose(&mut self, lost: &Lost, deadline: Option<Instant>) {
        let may_wait = deadline.is_none_or(|deadline| Instant::now() < deadline);
        if lost.is_unsent && may_wait {
            return;
        }
        let open = std::mem::take(&mut self.open);
        let mut written: Vec<&[u8]> = Vec::new();
        for position in open.into_iter().rev() {
            let operation = &self.batch[position];
            let mut keys = operation.keys().map(AsRef::as_ref);
            if operation.is_write() && !lost.is_unsent {
                written.extend(keys);
                let unknown = ErrorReply::OutcomeUnknown(operation.name());
                self.replies[position] = Reply::Error(unknown);
            } else if may_wait && !keys.any(|key| written.contains(&key)) {
                self.open.push(position);
            } else {
                self.replies[position] = reply::unavailable(lost.cause.clone());
            }
        }
        self.open.reverse();
    }
}
