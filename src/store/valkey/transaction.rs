//! Several operations as one, by MULTI and EXEC in one pipeline.

use redis::Pipeline;
use tokio::time::Instant;

use super::command::Commands;
use super::connection::Connection;
use super::pool::Lease;
use super::question::Lost;
use super::reply;
use super::single::Packed;
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
        if let Some(watch) = watch {
            let Some(lease) = watch.take() else { return Reply::NilList };
            let reply = self.transact_on_own(lease, &batch).await;
            self.catch_up().await;
            return reply;
        }
        if batch.len() > MOST_SHARED || batch.iter().any(|it| wants_own_connection(it.verb)) {
            return match self.server.pool.take(&self.server.link, deadline).await {
                Ok(lease) => {
                    let reply = self.transact_on_own(lease, &batch).await;
                    self.catch_up().await;
                    reply
                }
                Err(cause) => reply::unavailable(cause),
            };
        }
        loop {
            let connection = match self.server.link.connection(deadline).await {
                Ok(connection) => connection,
                Err(cause) => return reply::unavailable(cause),
            };
            match self.send(&connection, &batch).await {
                Err(lost) if lost.is_unsent && !self.is_late(deadline) => {}
                Err(lost) => return after_loss(&batch, lost),
                Ok(replies) if !self.is_late(deadline) && not_begun(&replies) => {
                    tokio::time::sleep(RETRY_WAIT).await;
                }
                Ok(replies) => {
                    if let Some(cache) = connection.cache() {
                        cache.forget(&self.prefix, &batch);
                    }
                    return self.replies(&batch, replies);
                }
            }
        }
    }

    /// On a connection that is then given back.
    async fn transact_on_own(&self, lease: Lease, batch: &[Operation]) -> Reply {
        let mut pipeline = Pipeline::with_capacity(batch.len() + 2);
        pipeline.cmd("MULTI");
        for operation in batch.iter().filter(|operation| !names_reserved(operation)) {
            pipeline.add_command(self.prefix.command(operation));
        }
        pipeline.cmd("EXEC");
        match lease.send(&Packed::Many(pipeline)).await {
            Err(lost) => after_loss(batch, lost),
            Ok(replies) if not_begun(&replies) => self.replies(batch, replies),
            Ok(replies) => {
                lease.give_back();
                self.replies(batch, replies)
            }
        }
    }

    async fn send(&self, connection: &Connection, batch: &[Operation]) -> Result<Vec<Reply>, Lost> {
        let mut commands = Commands::one(&[b"MULTI"]);
        for operation in batch.iter().filter(|operation| !names_reserved(operation)) {
            self.prefix.write(operation, &mut commands);
        }
        commands.push(&[b"EXEC"]);
        connection.send(commands).await
    }

    /// The reply to EXEC, from those to MULTI, to each operation, and to EXEC itself.
    fn replies(&self, batch: &[Operation], mut replies: Vec<Reply>) -> Reply {
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
        if answers.len() != batch.iter().filter(|operation| !names_reserved(operation)).count() {
            return reply::unexpected();
        }
        let mut answers = answers.into_iter();
        let replies: Vec<Reply> = batch
            .iter()
            .map(|operation| {
                if names_reserved(operation) {
                    return reply::reserved();
                }
                let answer = answers.next().unwrap_or_else(reply::unexpected);
                reply::of(&self.prefix, operation, answer, self.server.max_reply)
            })
            .collect();
        self.index.note(batch, &replies);
        let reply = Reply::Array(replies);
        if reply.data_len() > self.server.max_reply {
            // What was done is done.
            return reply::too_long(self.server.max_reply);
        }
        reply
    }

    /// Whether there is no more time for another attempt.
    #[expect(clippy::unused_self, reason = "reads as the engine's own clock")]
    pub(super) fn is_late(&self, deadline: Option<Instant>) -> bool {
        deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

fn names_reserved(operation: &Operation) -> bool {
    operation.keys().any(|key| operation::is_reserved(key))
}

/// Whether the server did nothing, since it does not serve yet.
fn not_begun(replies: &[Reply]) -> bool {
    replies.first().and_then(reply::not_serving).is_some()
}

/// The connection went after the transaction was handed over.
fn after_loss(batch: &[Operation], lost: Lost) -> Reply {
    if batch.iter().all(|operation| operation.verb.effect() == Effect::Read) {
        return reply::unavailable(lost.cause);
    }
    Reply::Error(ErrorReply::OutcomeUnknown("EXEC"))
}
