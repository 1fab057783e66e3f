//! Batches that only read: from what is known, from the database on the serving thread, or, where that
//! takes long, on a thread of its own.

use std::sync::Arc;

use bytes::Bytes;

use super::cache::{Epoch, Known};
use super::database::Database;
use super::group::failure;
use super::read::MAX_IN_PLACE;
use super::scope::{Scope, StoredKey};
use super::shared::Shared;
use super::view::View;
use super::{Embedded, read, string};
use crate::memory::Hold;
use crate::message::Reply;
use crate::store::operation::{Operation, Verb};

/// Replies, and the rest of the batch.
pub(super) type Done = (Vec<Reply>, Vec<Operation>);

impl Embedded {
    /// Carries out a batch that only reads, as [`Embedded::execute`] does.
    pub(super) async fn read(&self, mut batch: Vec<Operation>, hold: &mut Hold) -> Done {
        let Cached { mut replies, epoch, is_full, are_long } =
            read_cached(&self.scope, &self.core.shared, &batch, hold);
        if is_full || replies.len() == batch.len() {
            let rest = batch.split_off(replies.len());
            return (replies, rest);
        }
        batch.drain(..replies.len());
        // So many at a time as leave the serving thread its part of the processors.
        let permit = if are_long { self.core.readers.acquire().await.ok() } else { None };
        let Some(database) = self.database().await else {
            replies.extend(batch.iter().map(|it| failed(it.verb, "being opened again")));
            return (replies, Vec::new());
        };
        let reading = Reading { database, scope: Arc::clone(&self.scope), epoch };
        let weight = batch.iter().map(read::weight).fold(0, usize::saturating_add);
        if weight <= MAX_IN_PLACE && !are_long {
            let read = reading.read(&self.core.shared, &batch, hold);
            let rest = batch.split_off(read.len());
            replies.extend(read);
            return (replies, rest);
        }
        let verbs: Vec<Verb> = batch.iter().map(|it| it.verb).collect();
        let shared = Arc::clone(&self.core.shared);
        let mut part = hold.take();
        let reading = tokio::task::spawn_blocking(move || {
            let replies = reading.read(&shared, &batch, &mut part);
            let rest = batch.split_off(replies.len());
            (replies, rest, part)
        });
        let read = reading.await;
        drop(permit);
        if let Ok((read, rest, part)) = read {
            hold.join(part);
            replies.extend(read);
            return (replies, rest);
        }
        replies.extend(verbs.into_iter().map(|verb| failed(verb, "internal error")));
        (replies, Vec::new())
    }

    /// The database, waiting for it while it is opened again.
    async fn database(&self) -> Option<Arc<Database>> {
        match self.core.shared.database() {
            None if self.core.timeout.is_zero() => self.core.shared.wait_for_database().await,
            None => {
                let waiting = self.core.shared.wait_for_database();
                tokio::time::timeout(self.core.timeout, waiting).await.ok().flatten()
            }
            database => database,
        }
    }
}

fn failed(verb: Verb, why: &str) -> Reply {
    failure(verb.name(), verb.effect(), why, false)
}

/// What is known of a batch beforehand.
struct Cached {
    /// To its first operations.
    replies: Vec<Reply>,
    /// The moment of all of them.
    epoch: Epoch,
    /// Whether there is no room for more.
    is_full: bool,
    /// Whether the others read long values.
    are_long: bool,
}

/// Carries out the GETs that a batch begins with, as far as their records are known.
fn read_cached(scope: &Scope, shared: &Shared, batch: &[Operation], hold: &mut Hold) -> Cached {
    let now = shared.clock.now();
    let look = shared.cache.look();
    let mut replies = Vec::with_capacity(batch.len());
    let (mut is_full, mut room) = (false, StoredKey::new());
    for operation in batch {
        let (Verb::Get, [key]) = (operation.verb, &operation.args[..]) else { break };
        let record = match scope.stored_in(key, &mut room).and_then(|stored| look.get(stored)) {
            Some(Known::Present(record)) => Some(record).filter(|record| !record.is_expired(now)),
            Some(Known::Absent) => None,
            Some(Known::Long) | None => break,
        };
        let reply = string::found(scope, record);
        is_full = !hold.grow(reply.data_len());
        if is_full {
            break;
        }
        replies.push(reply);
    }
    let is_long = |key: &Bytes| {
        let known = scope.stored_in(key, &mut room).and_then(|stored| look.get(stored));
        matches!(known, Some(Known::Long))
    };
    let others = batch[replies.len()..].iter().flat_map(Operation::keys);
    let are_long = !is_full && others.take(MAX_IN_PLACE).any(is_long);
    Cached { replies, epoch: look.epoch(), is_full, are_long }
}

/// What is needed to read what the database has.
struct Reading {
    database: Arc<Database>,
    scope: Arc<Scope>,
    epoch: Epoch,
}

impl Reading {
    /// Carries out a batch until there is no room for more.
    fn read(&self, shared: &Shared, batch: &[Operation], hold: &mut Hold) -> Vec<Reply> {
        let now = shared.clock.now();
        let view = View::new(&self.database, &self.scope, shared, self.epoch);
        let mut replies = Vec::with_capacity(batch.len());
        for operation in batch {
            let reply = view.execute(operation, now);
            if !hold.grow(reply.data_len()) {
                break;
            }
            replies.push(reply);
        }
        replies
    }
}
