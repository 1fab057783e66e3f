//! The index of `last`: a sorted set in the store, of the most recently set keys by the time they
//! were set. Changes are written in batches off the hot path.

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
use crate::store::operation::Operation;
use crate::store::valkey::keys::reply;
use crate::store::valkey::last::access::Access;
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::Lost;

/// Changes are collected for this long before they are written.
const GATHER: Duration = Duration::from_millis(50);

/// The chunks of one write are spread over this time, so that the server serves others in between.
const SPREAD: Duration = Duration::from_millis(40);

/// The usual number of chunks in one write.
const CHUNKS: usize = 16;

/// Changes in the shortest chunk.
const CHUNK_MIN: usize = 64;

/// Changes in the longest chunk, so that no chunk keeps the server busy for long.
const CHUNK_MAX: usize = 500;

/// The index, and the changes that are not written yet.
#[derive(Debug)]
pub(crate) struct Index {
    /// The name of the sorted set in the store.
    name: Vec<u8>,
    depth: usize,
    pending: Mutex<Pending>,
    changed: Notify,
    /// Held while changes are being written, so that FLUSHDB does not run between them.
    writing: tokio::sync::Mutex<()>,
    /// The number of tasks that wait for the index flush.
    waiting: Waiting,
    refused: AtomicBool,
    /// The newest stamp in the store is known.
    has_caught_up: AtomicBool,
    /// No more changes will be noted.
    ended: AtomicBool,
}

impl Index {
    /// An index of at most `depth` keys. With a depth of 0 no change is noted.
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

    /// The name of the sorted set in the store.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The most keys that the index holds.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Notes which keys the operations set or removed. Touches memory only.
    pub(crate) fn note(&self, batch: &[Operation], replies: &[Reply]) {
        let is_read = |operation: &Operation| !operation.is_write();
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

    /// Locks the changes that are not written yet.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        // No code panics while it holds the lock, and the changes would still be consistent.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes keys that were found not to exist from the index.
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

    /// Writes changes as they come. Returns after [`Index::end`], once all are written.
    pub(crate) async fn keep(&self, access: &impl Access) {
        while !self.ended.load(Ordering::Acquire) || !self.pending().is_empty() {
            self.changed.notified().await;
            while !self.pending().is_empty() {
                if !self.ended.load(Ordering::Acquire) {
                    tokio::time::sleep(GATHER).await;
                }
                // A failed write is repeated, on the next connection if this one was lost.
                let _ = self.write_in_chunks(access, None).await;
            }
        }
    }

    /// Tells [`Index::keep`] that no more changes will be noted.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Writes all changes at once, for a task that waits for it. Keeps them if that fails.
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
            // Another task may be writing them.
            drop(self.writing.lock().await);
            return Ok(());
        }
        self.write_in_chunks(access, deadline).await
    }

    /// Writes all changes, spread over time as long as no task waits.
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
        // The guard puts the changes back if the write fails or is cancelled. To write a change
        // twice does no harm.
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

    /// The newest stamp in the store's index; 0 if it has none.
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

    /// Appends the commands for `changes`. They also remove the oldest keys beyond the depth.
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
            // Another kvsock may have written a later stamp.
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

    /// Logs the first time that the server refuses the commands.
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

/// Changes that are being written. Put back when dropped, unless cleared.
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
