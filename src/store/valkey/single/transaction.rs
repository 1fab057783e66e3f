//! Transactions: MULTI, the operations and EXEC in one pipeline.

use super::engine::Valkey;
use crate::store::valkey::wire::substitute;
use std::borrow::Cow;

use tokio::time::Instant;

use super::admission::{Unfit, discarded, unsettled};
use super::watch::Watch;
use super::within::Within;
use crate::command::table::spec::{Own, Spec};
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::connect::pool::Lease;
use crate::store::valkey::cost::expense::refusal;
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::last::fate;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::{Answer, Lost};

/// The most attempts at a transaction whose keys change while its cost is estimated.
pub(crate) const ATTEMPTS: usize = 10;

/// The reply to EXEC after an operation was refused instead of queued.
const PREVIOUS_ERRORS: &str = "EXECABORT Transaction discarded because of previous errors.";

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

/// A transaction.
pub(crate) struct Transaction<'a> {
    pub(crate) within: Within<'a>,
    pub(crate) growth: &'a Growth,
    pub(crate) max_reply: usize,
    pub(crate) batch: &'a [Operation],
    /// The time before which a FLUSHDB in the transaction removes all keys.
    begun: Option<u64>,
}

impl<'a> Transaction<'a> {
    /// A transaction of `batch`, not sent yet.
    pub(crate) fn new(
        prefix: &'a Prefix,
        index: &'a Index,
        growth: &'a Growth,
        batch: &'a [Operation],
    ) -> Transaction<'a> {
        let clears = batch.iter().any(|operation| operation.own() == Own::Clear);
        let begun = clears.then(|| index.pending().stamp());
        let max_reply = growth.limit();
        Transaction { within: Within { prefix, index }, growth, max_reply, batch, begun }
    }

    /// The operations that are sent.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &Operation> + Clone {
        self.batch.iter().filter(|operation| self.answer(operation).is_none())
    }

    /// The reply to an operation that is not sent.
    fn answer(&self, operation: &Operation) -> Option<Reply> {
        refusal(operation, self.max_reply).or_else(|| self.within.answer(operation))
    }

    /// Appends MULTI, the operations that are sent, and EXEC.
    pub(crate) fn write(&self, commands: &mut Commands) {
        commands.push(&[b"MULTI"]);
        for position in 0..self.batch.len() {
            if self.answer(&self.batch[position]).is_none() {
                self.within.write(self.batch, position, commands);
            }
        }
        commands.push(&[b"EXEC"]);
    }

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

    /// The reply to EXEC, from the replies to MULTI, to each operation and to EXEC.
    pub(crate) fn outcome(&self, Answer { mut replies, has_substitutes, .. }: Answer) -> Reply {
        match replies.first() {
            Some(Reply::Status("OK")) => {}
            Some(reply) => {
                return match reply::not_serving(reply) {
                    Some(cause) => reply::unavailable(cause),
                    // A server that refuses MULTI executes the following commands one by one.
                    None => Reply::Error(ErrorReply::OutcomeUnknown("EXEC")),
                };
            }
            None => return reply::unexpected(),
        }
        let answers = match replies.pop() {
            Some(Reply::Array(answers)) => answers,
            Some(Reply::Nil | Reply::NilList) => return Reply::NilList,
            Some(Reply::Error(error)) if has_substitutes => {
                // The transaction was executed, but its reply is lost.
                self.note(&self.batch.iter().map(fate::likely).collect::<Vec<_>>());
                return Reply::Error(error);
            }
            Some(Reply::Error(error)) => return Reply::Error(explained(error, &replies)),
            _ => return reply::unexpected(),
        };
        // The reply to MULTI is left.
        if answers.len() + 1 != replies.len() {
            return reply::unexpected();
        }
        let mut answers = answers.into_iter();
        let mut replies = Vec::with_capacity(self.batch.len());
        for position in 0..self.batch.len() {
            let operation = &self.batch[position];
            let reply = self.answer(operation).unwrap_or_else(|| {
                let reply = self.within.reply(self.batch, position, &replies, &mut answers);
                reply::of(self.within.prefix, operation, reply, self.max_reply)
            });
            replies.push(reply);
        }
        self.note(&replies);
        if replies.iter().map(Reply::data_len).sum::<usize>() > self.max_reply {
            // The transaction was executed all the same.
            return substitute::too_long(self.max_reply);
        }
        Reply::Array(replies)
    }

    /// Notes the changes in the index of `last`.
    fn note(&self, replies: &[Reply]) {
        let is_clear = |operation: &Operation| operation.own() == Own::Clear;
        let cleared = self.batch.iter().rposition(is_clear);
        if let (Some(_), Some(begun)) = (cleared, self.begun) {
            self.within.index.pending().clear(begun);
        }
        let from = cleared.map_or(0, |last| last + 1);
        self.within.index.note(&self.batch[from..], &replies[from..]);
        self.growth.learn(self.within.prefix, self.batch, replies);
    }

    /// The reply when the connection ended after the transaction was sent.
    pub(crate) fn lost(&self, lost: Lost) -> Reply {
        if !self.batch.iter().any(Operation::is_write) {
            return reply::unavailable(lost.cause);
        }
        Reply::Error(ErrorReply::OutcomeUnknown("EXEC"))
    }
}

/// The error of EXEC, with the first error that the server gave when it queued the commands.
fn explained(error: ErrorReply, told: &[Reply]) -> ErrorReply {
    let refusal = told.iter().find_map(|reply| match reply {
        Reply::Error(refusal) => Some(refusal),
        _ => None,
    });
    match (&error, refusal) {
        (ErrorReply::Coded(text), Some(refusal)) if text == PREVIOUS_ERRORS => {
            let cause = error_text::of_reply(refusal);
            let text = format!("EXECABORT Transaction discarded because of: {cause}");
            ErrorReply::Coded(text.into())
        }
        _ => error,
    }
}

/// The cause, if the server does not serve yet and so did nothing.
fn not_begun(replies: &[Reply]) -> Option<Cow<'static, str>> {
    replies.first().and_then(reply::not_serving)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_transaction_names_the_first_cause() {
        let previous = || ErrorReply::Coded(PREVIOUS_ERRORS.into());
        let told = |refusals: &[&'static str]| {
            let refusals = refusals.iter().map(|text| Reply::coded(*text));
            let replies: Vec<_> = [Reply::OK].into_iter().chain(refusals).collect();
            explained(previous(), &replies).to_string()
        };
        assert_eq!(
            told(&["OOM command not allowed", "READONLY x"]),
            "EXECABORT Transaction discarded because of: OOM command not allowed"
        );
        assert_eq!(told(&[]), PREVIOUS_ERRORS);
        let other = ErrorReply::Coded("NOPERM x".into());
        assert_eq!(explained(other.clone(), &[Reply::coded("OOM x")]), other);
        let failed = [Reply::OK, Reply::failed("syntax error")];
        assert_eq!(
            explained(previous(), &failed).to_string(),
            "EXECABORT Transaction discarded because of: ERR syntax error"
        );
    }
}
