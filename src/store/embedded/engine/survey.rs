//! Completes the index of long values after a program without the index wrote to the store. Reads
//! all data piece by piece while clients are served. Until the end, every value outside the cache may
//! be long.

use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fjall::{Readable, Slice};

use super::store::Embedded;
use crate::account::Account;
use crate::message::Reply;
use crate::store::embedded::change::changes::Committed;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::types::weight::PIECE;
use crate::store::embedded::write::work::Work;

/// The most bytes of long values in one piece, besides the last value. The writer may have to read
/// these values again.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The wait after a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The keys of the long values in one piece of the data.
struct Piece {
    keys: Vec<Slice>,
    /// The start of the next piece; `None` after the last piece.
    next: Option<Bound<Slice>>,
}

impl Embedded {
    /// Begins a task that completes the index, unless the index is complete. The task ends with the
    /// store.
    pub(super) fn complete_index(&self) {
        let is_complete = |database: Arc<Database>| database.long.is_complete();
        if self.core.shared.database().is_none_or(is_complete) {
            return;
        }
        let (core, scope) = (Arc::downgrade(&self.core), Arc::clone(&self.scope));
        tokio::spawn(async move {
            let mut from = Bound::Unbounded;
            while let Some(core) = core.upgrade() {
                let store = Embedded { core, scope: Arc::clone(&scope) };
                if store.is_closed() {
                    return;
                }
                let begun = Instant::now();
                let surveyed = store.survey(from).await;
                drop(store);
                // Half of the time the processor and the disk are left to clients.
                let mut wait = begun.elapsed();
                from = match surveyed {
                    Some(Some(next)) => next,
                    Some(None) => return,
                    None => {
                        wait = RETRY_INTERVAL;
                        Bound::Unbounded
                    }
                };
                tokio::time::sleep(wait).await;
            }
        });
    }

    /// Enters the long values of one piece. Returns the start of the next piece, or `Some(None)`
    /// after the last piece, or `None` after a failure.
    async fn survey(&self, from: Bound<Slice>) -> Option<Option<Bound<Slice>>> {
        let piece = self.look(&Account::own(), |database, _| piece(database, from)).await;
        let Piece { keys, next } = piece.ok()?;
        if !keys.is_empty() {
            self.index(keys).await?;
        }
        if next.is_none() {
            self.index(Vec::new()).await?;
            tracing::debug!("the index of long values is complete");
        }
        Some(next)
    }

    async fn index(&self, keys: Vec<Slice>) -> Option<()> {
        let answer = self.submit(Work::Index(keys), &Account::own(), false).await.ok()?;
        (answer.replies == [Reply::OK]).then_some(())
    }
}

fn piece(database: &Database, from: Bound<Slice>) -> Result<Piece, Fault> {
    let begun = Instant::now();
    let (mut keys, mut len) = (Vec::new(), 0);
    for entry in database.snapshot().range(&database.data, (from, Bound::Unbounded)) {
        let (key, record) = entry.into_inner()?;
        if Committed::of(&record)?.is_long() {
            keys.push(key.clone());
            len += record.len();
        }
        if len > MAX_BYTES || begun.elapsed() > PIECE {
            return Ok(Piece { keys, next: Some(Bound::Excluded(key)) });
        }
    }
    Ok(Piece { keys, next: None })
}
