//! The index of `last` in the store: a sorted set of the most recently set keys by the time they
//! were set. Written in batches off the hot path, and read by `last`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::command::Commands;
use super::question::Lost;
use super::recent::{Change, Changes, Recent};
use super::reply;
use super::way::Way;
use super::{cause, change};
use crate::message::Reply;
use crate::store::operation::Operation;

/// How long changes gather before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// Keys in one command, so that none keeps the server busy for long.
const KEYS_PER_COMMAND: usize = 500;

/// The index, and the changes on their way to it.
#[derive(Debug)]
pub(super) struct Index {
    /// The sorted set's name in the store.
    name: Vec<u8>,
    depth: usize,
    recent: Mutex<Recent>,
    changed: Notify,
    /// Held while changes are on their way, so that a clear does not meet them half-way.
    writing: tokio::sync::Mutex<()>,
    refused: AtomicBool,
    /// It is known when what is newest in the store was set.
    has_caught_up: AtomicBool,
    /// Nobody notes changes any more.
    ended: AtomicBool,
}

impl Index {
    /// An index of at most `depth` keys; of none it does nothing at all.
    pub(super) fn new(name: Vec<u8>, depth: usize) -> Index {
        Index {
            name,
            depth,
            recent: Mutex::new(Recent::new(depth)),
            changed: Notify::new(),
            writing: tokio::sync::Mutex::new(()),
            refused: AtomicBool::new(false),
            has_caught_up: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// The sorted set's name in the store.
    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many keys it reaches.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Notes what operations did that succeeded; touches memory only.
    pub(super) fn note(&self, batch: &[Operation], replies: &[Reply]) {
        if self.depth == 0 {
            return;
        }
        for (operation, reply) in batch.iter().zip(replies) {
            let (stored, removed) = change::of(operation, reply);
            if stored.is_empty() && removed.is_empty() {
                continue;
            }
            let mut recent = self.recent();
            removed.iter().for_each(|key| recent.gone(key));
            stored.iter().for_each(|key| recent.set(key));
            self.changed.notify_one();
        }
    }

    /// The changes not written yet, to look at or to change, without waiting.
    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        // Nothing panics while it holds the lock, and the changes would still be whole.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Strikes off a key that was found to be no more.
    pub(super) fn strike(&self, key: &[u8]) {
        self.recent().found_gone(key);
        self.changed.notify_one();
    }

    /// Keeps changes from being written until the guard is dropped.
    pub(super) async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Writes changes as they come, and what is left of them at the end.
    pub(super) async fn keep(&self, way: &impl Way) {
        while !self.ended.load(Ordering::Acquire) || !self.recent().is_empty() {
            self.changed.notified().await;
            while !self.recent().is_empty() {
                if !self.ended.load(Ordering::Acquire) {
                    tokio::time::sleep(GATHER).await;
                }
                // What fails is tried again, on the next connection if this one was lost.
                let _ = self.write(way, None).await;
            }
        }
    }

    /// There will be no more changes.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Writes all changes. When that fails they are kept for the next time.
    ///
    /// # Errors
    ///
    /// Why the store cannot be reached.
    pub(super) async fn write(
        &self,
        way: &impl Way,
        deadline: Option<Instant>,
    ) -> Result<(), Cow<'static, str>> {
        if self.recent().is_empty() {
            // They may be on their way just now.
            drop(self.writing.lock().await);
            return Ok(());
        }
        way.ready(&self.name, deadline).await?;
        let _writing = self.writing.lock().await;
        if !self.has_caught_up.load(Ordering::Relaxed) {
            let newest = self.newest(way).await.map_err(|lost| lost.cause)?;
            self.recent().catch_up(newest);
            self.has_caught_up.store(true, Ordering::Relaxed);
        }
        // Put back also when this is cancelled half-way: writing them twice does no harm.
        let mut taken = Taken { index: self, changes: self.recent().take() };
        if taken.changes.is_empty() {
            return Ok(());
        }
        let asked = way.ask(&self.name, |commands| self.append(&taken.changes, commands)).await;
        let replies = asked.map_err(|lost| lost.cause)?;
        if let Some(cause) = replies.iter().find_map(reply::not_serving) {
            return Err(cause);
        }
        taken.changes.clear();
        self.report(&replies);
        Ok(())
    }

    /// When what is newest in the store's index was set; 0 where nothing is known of it.
    async fn newest(&self, way: &impl Way) -> Result<u64, Lost> {
        let words = [b"ZREVRANGE", self.name(), b"0", b"0", b"WITHSCORES"];
        let replies = way.ask(&self.name, |commands| commands.push(&words)).await?;
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

    /// Appends the changes as commands; what is beyond the depth goes, oldest first.
    fn append(&self, changes: &Changes, commands: &mut Commands) {
        let mut set = Vec::new();
        let mut gone = Vec::new();
        for (key, change) in changes {
            match change {
                Change::Set(stamp) => set.push((key, *stamp)),
                Change::Gone(_) => gone.push(key),
            }
        }
        for keys in gone.chunks(KEYS_PER_COMMAND) {
            commands.begin(2 + keys.len());
            commands.word(b"ZREM");
            commands.word(&self.name);
            for key in keys {
                commands.word(key);
            }
        }
        for pairs in set.chunks(KEYS_PER_COMMAND) {
            commands.begin(3 + 2 * pairs.len());
            commands.word(b"ZADD");
            commands.word(&self.name);
            // Another kvsock may know of a later time.
            commands.word(b"GT");
            for (key, stamp) in pairs {
                commands.word(stamp.to_string().as_bytes());
                commands.word(key);
            }
        }
        let beyond = i64::try_from(self.depth).unwrap_or(i64::MAX - 1);
        let last = (-beyond - 1).to_string();
        commands.push(&[b"ZREMRANGEBYRANK", &self.name, b"0", last.as_bytes()]);
    }

    /// Logs once that the server does not allow the index.
    fn report(&self, replies: &[Reply]) {
        let refusal = replies.iter().find_map(|reply| match reply {
            Reply::Error(error) => Some(cause::of_reply(error)),
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
            self.index.recent().put_back(changes);
            self.index.changed.notify_one();
        }
    }
}
