//! Several operations as one, by MULTI and EXEC in one pipeline.

use std::borrow::Cow;

use redis::Pipeline;

use super::command::Commands;
use super::encode::Prefix;
use super::index::Index;
use super::pool::Lease;
use super::question::Lost;
use super::reply;
use super::single::Packed;
use super::terms::is_late;
use super::watch::Watch;
use super::{RETRY_WAIT, Valkey, wants_own_connection};
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{self, Effect, Operation};

/// Operations of a transaction on the shared connection, where others wait behind it. More have a
/// connection of their own.
const MOST_SHARED: usize = 100;

impl Valkey {
    /// See [`crate::store::Store::transact`].
    pub(in crate::store) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
    ) -> Reply {
        let deadline = self.deadline();
        let transaction = Transaction {
            prefix: &self.prefix,
            index: &self.index,
            max_reply: self.server.terms.max_reply,
            batch: &batch,
        };
        if let Some(watch) = watch {
            let Some(lease) = watch.take() else { return Reply::NilList };
            let reply = transaction.run_on(lease).await.unwrap_or_else(reply::unavailable);
            self.catch_up().await;
            return reply;
        }
        if transaction.wants_own_connection() {
            loop {
                let link = &self.server.node.link;
                let lease = match self.server.node.pool.take(link, deadline).await {
                    Ok(lease) => lease,
                    Err(cause) => return reply::unavailable(cause),
                };
                match transaction.run_on(lease).await {
                    Err(_) if !is_late(deadline) => tokio::time::sleep(RETRY_WAIT).await,
                    reply => {
                        self.catch_up().await;
                        return reply.unwrap_or_else(reply::unavailable);
                    }
                }
            }
        }
        loop {
            let connection = match self.server.node.link.connection(deadline).await {
                Ok(connection) => connection,
                Err(cause) => return reply::unavailable(cause),
            };
            let mut commands = Commands::default();
            transaction.write(&mut commands);
            match connection.send(commands).await {
                Err(lost) if lost.is_unsent && !is_late(deadline) => {
                    if connection.left().is_none() {
                        // It refused, and may do so for a while.
                        tokio::time::sleep(RETRY_WAIT).await;
                    }
                }
                Err(lost) if lost.is_unsent => return reply::unavailable(lost.cause),
                Err(lost) => return transaction.lost(lost),
                Ok(replies) if !is_late(deadline) && not_begun(&replies) => {
                    tokio::time::sleep(RETRY_WAIT).await;
                }
                Ok(replies) => {
                    if let Some(cache) = connection.cache() {
                        cache.forget(&self.prefix, &batch);
                    }
                    return transaction.outcome(replies);
                }
            }
        }
    }
}

/// Operations that are one.
pub(super) struct Transaction<'a> {
    pub(super) prefix: &'a Prefix,
    pub(super) index: &'a Index,
    pub(super) max_reply: usize,
    pub(super) batch: &'a [Operation],
}

impl Transaction<'_> {
    /// Whether it may not be sent on the connection that others share.
    pub(super) fn wants_own_connection(&self) -> bool {
        self.batch.len() > MOST_SHARED || self.batch.iter().any(|it| wants_own_connection(it.verb))
    }

    /// The operations that are sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = &Operation> {
        self.batch.iter().filter(|operation| !names_reserved(operation))
    }

    /// For the shared connection: appends all that is sent.
    pub(super) fn write(&self, commands: &mut Commands) {
        commands.push(&[b"MULTI"]);
        for operation in self.sent() {
            self.prefix.write(operation, commands);
        }
        commands.push(&[b"EXEC"]);
    }

    /// For a connection of its own: appends all that is sent.
    pub(super) fn pack(&self, pipeline: &mut Pipeline) {
        pipeline.cmd("MULTI");
        for operation in self.sent() {
            pipeline.add_command(self.prefix.command(operation));
        }
        pipeline.cmd("EXEC");
    }

    /// On a connection that is then given back.
    ///
    /// # Errors
    ///
    /// Why the server, which should be a master, refused all of it.
    async fn run_on(&self, lease: Lease) -> Result<Reply, Cow<'static, str>> {
        let mut pipeline = Pipeline::with_capacity(self.batch.len() + 2);
        self.pack(&mut pipeline);
        let replies = match lease.send(&Packed::Many(pipeline)).await {
            Err(lost) => return Ok(self.lost(lost)),
            Ok(replies) => replies,
        };
        let refusal = lease.refusal(&replies);
        if !not_begun(&replies) {
            lease.give_back();
        }
        refusal.map_or_else(|| Ok(self.outcome(replies)), Err)
    }

    /// The reply to EXEC, from those to MULTI, to each operation, and to EXEC itself.
    pub(super) fn outcome(&self, mut replies: Vec<Reply>) -> Reply {
        match replies.first() {
            Some(Reply::Status("OK")) => {}
            Some(reply) => {
                return match reply::not_serving(reply) {
                    Some(cause) => reply::unavailable(cause),
                    // A server that refuses MULTI carries out what follows, one by one.
                    None => Reply::Error(ErrorReply::OutcomeUnknown("EXEC")),
                };
            }
            None => return reply::unexpected(),
        }
        let answers = match replies.pop() {
            Some(Reply::Array(answers)) => answers,
            Some(Reply::Nil | Reply::NilList) => return Reply::NilList,
            Some(Reply::Error(error)) => return Reply::Error(error),
            _ => return reply::unexpected(),
        };
        if answers.len() != self.sent().count() {
            return reply::unexpected();
        }
        let mut answers = answers.into_iter();
        let replies: Vec<Reply> = self
            .batch
            .iter()
            .map(|operation| {
                if names_reserved(operation) {
                    return reply::reserved();
                }
                let answer = answers.next().unwrap_or_else(reply::unexpected);
                reply::of(self.prefix, operation, answer, self.max_reply)
            })
            .collect();
        self.index.note(self.batch, &replies);
        if replies.iter().map(Reply::data_len).sum::<usize>() > self.max_reply {
            // What was done is done.
            return reply::too_long(self.max_reply);
        }
        Reply::Array(replies)
    }

    /// The reply where the connection went after the transaction was handed over.
    pub(super) fn lost(&self, lost: Lost) -> Reply {
        if self.batch.iter().all(|operation| operation.verb.effect() == Effect::Read) {
            return reply::unavailable(lost.cause);
        }
        Reply::Error(ErrorReply::OutcomeUnknown("EXEC"))
    }
}

fn names_reserved(operation: &Operation) -> bool {
    operation.keys().any(|key| operation::is_reserved(key))
}

/// Whether the server did nothing, since it does not serve yet.
fn not_begun(replies: &[Reply]) -> bool {
    replies.first().and_then(reply::not_serving).is_some()
}
