//! `FLUSHDB`. Few keys, or the whole store, are removed in one commit. Otherwise the keys are
//! removed in parts, and the writer serves others between them.

use std::ops::Bound;
use std::sync::Arc;

use fjall::{Readable, Slice};

use super::store::Embedded;
use super::thread::{Length, Waiting};
use crate::account::Account;
use crate::command::table::spec::Effect;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::snapshot::is_all;
use crate::store::embedded::types::weight::MAX_CLEARED;
use crate::store::embedded::write::job::Answer;
use crate::store::embedded::write::work::Work;
use crate::store::operation::Operation;

/// The name of the command.
const CLEAR: &str = "FLUSHDB";

/// The most keys that one part removes.
const CHUNK: usize = 1_000;

/// How a key space is cleared.
enum Plan {
    /// The key space is all of the store, and has many keys.
    All,
    /// The key space has few keys.
    AtOnce,
    InParts,
}

impl Embedded {
    /// Carries out `FLUSHDB`s one after the other.
    pub(crate) async fn clear_for(
        &self,
        operations: &[Operation],
        account: &Arc<Account>,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(operations.len());
        for operation in operations {
            let reply = self.clear(operation, account).await;
            replies.push(reply.unwrap_or_else(|reply| reply));
        }
        replies
    }

    async fn clear(&self, operation: &Operation, account: &Arc<Account>) -> Result<Reply, Reply> {
        let plan = self.look(account, plan).await?;
        match plan {
            Plan::All => return self.remove(Work::Clear, account, false).await,
            Plan::AtOnce => {
                match self.transact_beside(None, vec![operation.clone()], account).await {
                    Reply::Array(mut replies) if replies == [Reply::OK] => {
                        return Ok(replies.remove(0));
                    }
                    Reply::Error(error @ ErrorReply::OutcomeUnknown(_)) => {
                        return Err(failure(CLEAR, Effect::Write, &error.to_string(), true));
                    }
                    // By now the key space has too many keys, or others change its keys all the
                    // time.
                    _ => {}
                }
            }
            Plan::InParts => {}
        }
        let mut from = Bound::Included(Slice::from(&self.scope.stored_prefix[..]));
        let mut has_begun = false;
        loop {
            let start = from.clone();
            let keys = self.look(account, move |database, scope| next(database, scope, start));
            let keys = keys.await?;
            let Some(last) = keys.last().cloned() else {
                return self.remove(Work::Remove(Vec::new()), account, has_begun).await;
            };
            self.remove(Work::Remove(keys), account, has_begun).await?;
            has_begun = true;
            from = Bound::Excluded(last);
        }
    }

    /// Has the writer remove keys.
    async fn remove(
        &self,
        work: Work,
        account: &Arc<Account>,
        has_begun: bool,
    ) -> Result<Reply, Reply> {
        match self.submit(work, account, true).await {
            Ok(Answer { mut replies, .. }) => match replies.pop() {
                Some(Reply::OK) => Ok(Reply::OK),
                // A part of the keys is removed already.
                Some(_) if has_begun => Err(failed("", true)),
                reply => Err(reply.unwrap_or(Reply::Nil)),
            },
            Err(begun) => Err(failed("timed out", begun || has_begun)),
        }
    }

    /// Looks at the committed data on a thread for long reads.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        account: &Arc<Account>,
        look: impl FnOnce(&Database, &Scope) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Reply> {
        let place = self.place(Length::Long, account).await.map_err(|why| failed(why, false))?;
        let database = self.database().await.ok_or_else(|| failed("being opened again", false))?;
        let scope = Arc::clone(&self.scope);
        let looked = Waiting::spawn(move |_| {
            let found = look(&database, &scope);
            drop((database, place));
            found
        });
        let found = looked.await.ok_or_else(|| failed("internal error", false))?;
        found.map_err(|fault| failed(&fault.to_string(), false))
    }
}

fn failed(why: &str, begun: bool) -> Reply {
    failure(CLEAR, Effect::Write, why, begun)
}

/// The plan for clearing `scope`. New keyspaces cost a dozen syncs or more, which is too much for a
/// handful of keys.
fn plan(database: &Database, scope: &Scope) -> Result<Plan, Fault> {
    let snapshot = database.snapshot();
    let state = database.state_at(&snapshot)?;
    if state.count > CHUNK as u64 && is_all(database, &snapshot, scope)? {
        return Ok(Plan::All);
    }
    let keys = snapshot.prefix(&database.data, &scope.stored_prefix);
    Ok(if keys.take(MAX_CLEARED + 1).count() > MAX_CLEARED { Plan::InParts } else { Plan::AtOnce })
}

/// The next keys of `scope`, in order.
fn next(database: &Database, scope: &Scope, from: Bound<Slice>) -> Result<Vec<Slice>, Fault> {
    let keys = database.snapshot().range(&database.data, (from, Bound::Unbounded));
    let keys = keys.take(CHUNK).map(|entry| Ok(entry.key()?));
    let keys: Result<Vec<Slice>, Fault> = keys.collect();
    Ok(keys?.into_iter().take_while(|key| scope.client_key(key).is_some()).collect())
}
