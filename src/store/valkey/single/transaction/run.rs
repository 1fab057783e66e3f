//! Transactions on one server: chooses the connection, and decides which transactions are sent again.

use std::borrow::Cow;

use tokio::time::Instant;

use super::admission::{ATTEMPTS, Unfit, discarded, unsettled};
use super::multi::{Transaction, not_begun};
use super::watch::Watch;
use crate::command::table::spec::{Own, Spec};
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::connect::pool::Lease;
use crate::store::valkey::keys::reply;
use crate::store::valkey::single::engine::Valkey;
use crate::store::valkey::wire::command::Commands;

impl Valkey {
    /// See [`crate::store::Store::transact_within`].
    pub(crate) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        let deadline = self.server.limits.deadline_of(hold);
        self.transact_until(watch, batch, deadline, hold).await
    }

    /// As [`Valkey::transact`]; `deadline` bounds the waits for the store.
    pub(crate) async fn transact_until(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        if let Some(refusal) = batch.iter().find_map(|it| self.refuses_in_transaction(it.spec())) {
            return Reply::Error(refusal);
        }
        let has = |own| batch.iter().any(|operation| operation.own() == own);
        if has(Own::Last)
            && let Err(cause) = self.index.write(&*self.server.node.link, deadline).await
        {
            return reply::unavailable(cause);
        }
        // No change is written to the index while FLUSHDB runs.
        let _paused = if has(Own::Clear) { Some(self.index.pause().await) } else { None };
        let transaction = Transaction::new(&self.prefix, &self.index, &self.server.growth, &batch);
        let place = if transaction.is_expensive() {
            match self.server.expenses.enter(hold.account(), deadline).await {
                Ok(place) => Some(place),
                Err(cause) => return reply::unavailable(cause),
            }
        } else {
            None
        };
        let reply = match watch {
            Some(watch) => {
                let Some(lease) = watch.take() else { return Reply::NilList };
                let reply = transaction.run_on(lease, true, hold).await;
                self.catch_up_with(&batch).await;
                reply.unwrap_or_else(reply::unavailable)
            }
            None if transaction.wants_own_connection() => {
                self.transact_on_own(&transaction, deadline, hold).await
            }
            None => self.transact_on_shared(&transaction, deadline, hold).await,
        };
        drop(place);
        reply
    }

    async fn transact_on_own(
        &self,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        let mut attempts = 0;
        loop {
            let node = &self.server.node;
            let lease = match node.pool.take(&node.link, hold.account(), deadline).await {
                Ok(lease) => lease,
                Err(error) => return Reply::Error(error),
            };
            match transaction.run_on(lease, false, hold).await {
                Err(_) if !is_late(deadline) => tokio::time::sleep(RETRY_WAIT).await,
                Ok(Reply::NilList) if attempts < ATTEMPTS => attempts += 1,
                reply => {
                    self.catch_up_with(transaction.batch).await;
                    return match reply {
                        Ok(Reply::NilList) => unsettled(),
                        reply => reply.unwrap_or_else(reply::unavailable),
                    };
                }
            }
        }
    }

    /// On the shared connection.
    async fn transact_on_shared(
        &self,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        loop {
            let connection = match self.server.node.link.connection(deadline).await {
                Ok(connection) => connection,
                Err(cause) => return reply::unavailable(cause),
            };
            let mut commands = Commands::default();
            transaction.write(&mut commands);
            let undone = match connection.ask_once(commands, transaction.max_reply, hold).await {
                Err(lost) if lost.is_unsent => lost.cause,
                Err(lost) => return transaction.lost(lost),
                Ok(answer) => {
                    let refusal = connection.refusal(&answer.replies).map(|(_, cause)| cause);
                    let Some(cause) = refusal.or_else(|| not_begun(&answer.replies)) else {
                        if let Some(cache) = connection.cache() {
                            cache.forget(&self.prefix, transaction.batch);
                        }
                        return transaction.outcome(answer);
                    };
                    cause
                }
            };
            if is_late(deadline) {
                return reply::unavailable(undone);
            }
            if connection.left().is_none() {
                // The server refused, and may do so for a while.
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
    }

    /// See [`crate::store::Store::refuses_in_transaction`].
    pub(crate) fn refuses_in_transaction(&self, spec: &Spec) -> Option<ErrorReply> {
        let has_prefix = !self.prefix.is_empty();
        let has_parts = self.server.limits.has_parts;
        let is_refused = match spec.own {
            Own::Size | Own::RandomKey => has_prefix || has_parts,
            Own::Clear => has_prefix,
            Own::Last => self.prefix.sort_pattern().is_none(),
            own => own == Own::Save,
        };
        let cause = match spec.own {
            Own::Save => "",
            _ if has_parts => " with per-user key spaces (KVSOCK_NAMESPACE)",
            _ => " under a key prefix (KVSOCK_KEY_PREFIX)",
        };
        is_refused.then(|| {
            let text = format!("{} is not possible in a transaction{cause}", spec.name);
            ErrorReply::Failed(text.into())
        })
    }
}

impl Transaction<'_> {
    /// Runs on a pinned connection, and gives the connection back.
    ///
    /// # Errors
    ///
    /// Why nothing was done: the server is no master, or nothing was sent and nothing is watched.
    async fn run_on(
        &self,
        lease: Lease,
        is_watched: bool,
        hold: &mut ReplyRoom,
    ) -> Result<Reply, Cow<'static, str>> {
        match self.admit(&lease, false).await {
            Ok(()) => {}
            Err(Unfit::Lost(lost)) => return Err(lost.cause),
            Err(Unfit::TooExpensive(error)) => {
                lease.forget_and_give_back();
                return Ok(discarded(&error));
            }
        }
        let mut commands = Commands::default();
        self.write(&mut commands);
        let answer = match lease.ask_once(commands, self.max_reply, hold).await {
            Ok(answer) => answer,
            // The server forgot the watched keys with the connection.
            Err(lost) if lost.is_unsent && is_watched => return Ok(Reply::NilList),
            Err(lost) if lost.is_unsent => return Err(lost.cause),
            Err(lost) => return Ok(self.lost(lost)),
        };
        let refusal = lease.refusal(&answer.replies).map(|(_, cause)| cause);
        if not_begun(&answer.replies).is_none() {
            lease.give_back();
        }
        refusal.map_or_else(|| Ok(self.outcome(answer)), Err)
    }
}
