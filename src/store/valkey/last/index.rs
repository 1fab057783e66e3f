//! The index of `last` in the store: a sorted set of the most recently set keys by the time they
//! were set. Written in batches off the hot path, and read by `last`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fate;
use super::fate::Fate;
use super::log::{Change, Changes, Stamp};
use super::pending::Pending;
use super::waiting::Waiting;
use crate::message::Reply;
use crate::store::operation::{Effect, Operation};
use crate::store::valkey::keys::reply;
use crate::store::valkey::last::access::Access;
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::Lost;

/// How long changes gather before they are written.
const GATHER: Duration = Duration::from_millis(50);

/// Over how long they are written then, so that between them others are served.
const SPREAD: Duration = Duration::from_millis(40);

/// In how many chunks, unless these are very short or very long.
const CHUNKS: usize = 16;

/// Changes in the shortest chunk.
const CHUNK_MIN: usize = 64;

/// Changes in the longest, so that none keeps the server busy for long.
const CHUNK_MAX: usize = 500;

/// The index, and the changes on their way to it.
#[derive(Debug)]
pub(crate) struct Index {
    /// The sorted set's name in the store.
    name: Vec<u8>,
    depth: usize,
    pending: Mutex<Pending>,
    changed: Notify,
    /// Held while changes are on their way, so that a clear does not meet them half-way.
    writing: tokio::sync::Mutex<()>,
    /// How many wait until all changes are written.
    waiting: Waiting,
    refused: AtomicBool,
    /// It is known when what is newest in the store was set.
    has_caught_up: AtomicBool,
    /// Nobody notes changes any more.
    ended: AtomicBool,
}

impl Index {
    /// An index of at most `depth` keys; of none it does nothing at all.
    pub(crate) fn new(name: Vec<u8>, depth: usize) -> Index {
        Index {
            name,
            depth,
            pending: Mutex::new(Pending::new(depth)),
            changed: Notify::new(),
            writing: tokio::sync::Mutex::new(()),
            waiting: Waiting::default(),
            refused: AtomicBool::new(false),
            has_caught_up: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// The sorted set's name in the store.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many keys it reaches.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Notes what operations did that succeeded; touches memory only.
    pub(crate) fn note(&self, batch: &[Operation], replies: &[Reply]) {
        let is_read = |operation: &Operation| operation.verb.effect() == Effect::Read;
        if self.depth == 0 || batch.iter().all(is_read) {
            return;
        }
        let mut pending = self.pending();
        let had_none = pending.is_empty();
        pending.look_at_clock();
        for (operation, reply) in batch.iter().zip(replies) {
            fate::of(operation, reply, |fate, key| match fate {
                Fate::Set => pending.set(key),
                Fate::Gone => pending.gone(key),
            });
        }
        let has_some = !pending.is_empty();
        drop(pending);
        if had_none && has_some {
            self.changed.notify_one();
        }
    }

    /// The changes not written yet, to look at or to change, without waiting.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nothing panics while it holds the lock, and the changes would still be whole.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Strikes off keys that were found to be no more.
    pub(crate) fn strike(&self, keys: &[Bytes]) {
        if !keys.is_empty() {
            let mut pending = self.pending();
            pending.look_at_clock();
            pending.found_gone(keys);
            drop(pending);
            self.changed.notify_one();
        }
    }

    /// Keeps changes from being written until the guard is dropped.
    pub(crate) async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let _waits = self.waiting.enter();
        self.writing.lock().await
    }

    /// Writes changes as they come, and what is left of them at the end.
    pub(crate) async fn keep(&self, access: &impl Access) {
        while !self.ended.load(Ordering::Acquire) || !self.pending().is_empty() {
            self.changed.notified().await;
            while !self.pending().is_empty() {
                if !self.ended.load(Ordering::Acquire) {
                    tokio::time::sleep(GATHER).await;
                }
                // What fails is tried again, on the next connection if this one was lost.
                let _ = self.write_in_chunks(access, None).await;
            }
        }
    }

    /// There will be no more changes.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Writes all changes at once, for somebody who waits for it. When that fails they are kept for
    /// the next time.
    ///
    /// # Errors
    ///
    /// Why the store cannot be reached.
    pub(crate) async fn write(
        &self,
        access: &impl Access,
        deadline: Option<Instant>,
    ) -> Result<(), Cow<'static, str>> {
        let _waits = self.waiting.enter();
        if self.pending().is_empty() {
            // They may be on their way just now.
            drop(self.writing.lock().await);
            return Ok(());
        }
        self.write_in_chunks(access, deadline).await
    }

    /// The same, spread over time as long as nobody waits.
    async fn write_in_chunks(
        &self,
        access: &impl Access,
        deadline: Option<Instant>,
    ) -> Result<(), Cow<'static, str>> {
        access.ready(&self.name, deadline).await?;
        let _writing = self.writing.lock().await;
        if !self.has_caught_up.load(Ordering::Relaxed) {
            let newest = self.newest(access).await.map_err(|lost| lost.cause)?;
            self.pending().catch_up(newest);
            self.has_caught_up.store(true, Ordering::Relaxed);
        }
        // Put back also when this is cancelled half-way: writing them twice does no harm.
        let mut taken = Taken { index: self, changes: self.pending().take() };
        let changes: Vec<_> = taken.changes.iter().collect();
        let chunks = changes.chunks(changes.len().div_ceil(CHUNKS).clamp(CHUNK_MIN, CHUNK_MAX));
        let pause = SPREAD / u32::try_from(chunks.len().max(1)).unwrap_or(u32::MAX);
        let begin = Instant::now();
        let moments = (0..).map(|number| begin + pause * number);
        let asked = chunks.zip(moments).map(|(chunk, moment)| async move {
            self.waiting.by(moment).await;
            access.ask(&self.name, Form::Integer, |commands| self.append(chunk, commands)).await
        });
        let asked: Result<Vec<_>, Lost> = join_all(asked).await.into_iter().collect();
        let replies = asked.map_err(|lost| lost.cause)?.concat();
        if let Some(cause) = replies.iter().find_map(reply::not_serving) {
            return Err(cause);
        }
        taken.changes.clear();
        self.report(&replies);
        Ok(())
    }

    /// When what is newest in the store's index was set; 0 where nothing is known of it.
    async fn newest(&self, access: &impl Access) -> Result<u64, Lost> {
        let words = [b"ZREVRANGE", self.name(), b"0", b"0", b"WITHSCORES"];
        let replies = access.ask(&self.name, Form::Array, |commands| commands.push(&words)).await?;
        let Some(Reply::Array(entries)) = replies.first() else { return Ok(0) };
        let Some(Reply::Array(entry)) = entries.first() else { return Ok(0) };
        Ok(match entry.last() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a stamp of ours; of anything else the nearest will do"
            )]
            Some(Reply::Double(score)) => *score as u64,
            _ => 0,
        })
    }

    /// Appends changes as commands; what is beyond the depth goes, oldest first.
    fn append(&self, changes: &[(&[u8], Change)], commands: &mut Commands) {
        let mut set: SmallVec<[(Stamp, &[u8]); CHUNK_MIN]> = SmallVec::new();
        let mut gone: SmallVec<[&[u8]; CHUNK_MIN]> = SmallVec::new();
        for (key, change) in changes {
            match change {
                Change::Set(stamp) => set.push((*stamp, key)),
                Change::Gone(_) => gone.push(key),
            }
        }
        if !gone.is_empty() {
            commands.begin(2 + gone.len());
            commands.word(b"ZREM");
            commands.word(&self.name);
            gone.into_iter().for_each(|key| commands.word(key));
        }
        if !set.is_empty() {
            commands.begin(3 + 2 * set.len());
            commands.word(b"ZADD");
            commands.word(&self.name);
            // Another kvsock may know of a later time.
            commands.word(b"GT");
            for (stamp, key) in set {
                commands.word(itoa::Buffer::new().format(stamp).as_bytes());
                commands.word(key);
            }
            let beyond = i64::try_from(self.depth).unwrap_or(i64::MAX - 1);
            let last = itoa::Buffer::new().format(-beyond - 1).to_owned();
            commands.push(&[b"ZREMRANGEBYRANK", &self.name, b"0", last.as_bytes()]);
        }
    }

    /// Logs once that the server does not allow the index.
    fn report(&self, replies: &[Reply]) {
        let refusal = replies.iter().find_map(|reply| match reply {
            Reply::Error(error) => Some(error_text::of_reply(error)),
            _ => None,
        });
        match refusal {
            None => self.refused.store(false, Ordering::Relaxed),
            Some(cause) if !self.refused.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%cause, "the store refuses the index of last");
            }
            Some(_) => {}
        }
    }
}

/// Changes on their way, put back unless they arrived.
struct Taken<'a> {
    index: &'a Index,
    changes: Changes,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.changes.is_empty() {
            let changes = std::mem::take(&mut self.changes);
            self.index.pending().put_back(changes);
            self.index.changed.notify_one();
        }
    }
}
