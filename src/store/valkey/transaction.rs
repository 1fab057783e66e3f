//! Several operations as one, by MULTI and EXEC in one pipeline.

use std::borrow::Cow;

use redis::Pipeline;
use tokio::time::Instant;

use super::command::Commands;
use super::encode::Prefix;
use super::estimate::{self, Estimate};
use super::expense::refusal;
use super::index::Index;
use super::pool::Lease;
use super::question::Lost;
use super::reply;
use super::single::Packed;
use super::terms::is_late;
use super::watch::Watch;
use super::{RETRY_WAIT, Valkey, wants_own_connection};
use crate::memory::Hold;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Effect, Operation};

/// Operations that a server carries out in a moment.
const MOST_CHEAP: usize = 10_000;

/// Operations of a transaction on the shared connection, where others wait behind it. More have a
/// connection of their own.
const MOST_SHARED: usize = 100;

/// How often a transaction is tried whose keys change while its cost is found out.
pub(super) const ATTEMPTS: usize = 10;

impl Valkey {
    /// See [`crate::store::Store::transact`].
    pub(in crate::store) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        hold: &mut Hold,
    ) -> Reply {
        let deadline = self.server.terms.deadline_of(hold);
        self.transact_until(watch, batch, deadline, hold).await
    }

    /// The same; `deadline` bounds the waits for the store.
    pub(super) async fn transact_until(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        deadline: Option<Instant>,
        hold: &mut Hold,
    ) -> Reply {
        let transaction = Transaction {
            prefix: &self.prefix,
            index: &self.index,
            max_reply: self.server.terms.max_reply,
            batch: &batch,
        };
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
                let reply = transaction.run_on(lease).await.unwrap_or_else(reply::unavailable);
                self.catch_up().await;
                reply
            }
            None if transaction.wants_own_connection() => {
                self.transact_on_own(&transaction, deadline).await
            }
            None => self.transact_on_shared(&transaction, deadline).await,
        };
        drop(place);
        reply
    }

    async fn transact_on_own(
        &self,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
    ) -> Reply {
        let mut attempts = 0;
        loop {
            let node = &self.server.node;
            let lease = match node.pool.take(&node.link, deadline).await {
                Ok(lease) => lease,
                Err(cause) => return reply::unavailable(cause),
            };
            match transaction.run_on(lease).await {
                Err(_) if !is_late(deadline) => tokio::time::sleep(RETRY_WAIT).await,
                Ok(Reply::NilList) if attempts < ATTEMPTS => attempts += 1,
                reply => {
                    self.catch_up().await;
                    return match reply {
                        Ok(Reply::NilList) => unsettled(),
                        reply => reply.unwrap_or_else(reply::unavailable),
                    };
                }
            }
        }
    }

    async fn transact_on_shared(
        &self,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
    ) -> Reply {
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
                        cache.forget(&self.prefix, transaction.batch);
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
        self.batch.len() > MOST_SHARED
            || self.batch.iter().any(|it| wants_own_connection(it.verb) || it.is_expensive())
    }

    /// Whether the server may need more than a moment for it.
    pub(super) fn is_expensive(&self) -> bool {
        self.batch.len() > MOST_CHEAP || self.batch.iter().any(Operation::is_expensive)
    }

    /// The operations that are sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = &Operation> + Clone {
        self.batch.iter().filter(|operation| refusal(operation, self.max_reply).is_none())
    }

    /// Finds out whether the server may be asked for all of it at once, on the connection that it is
    /// then sent on. The values that this depends on are watched from then on, so that nothing is
    /// carried out if they change.
    ///
    /// # Errors
    ///
    /// Why it is not to be sent.
    pub(super) async fn admit(&self, lease: &Lease, is_detour: bool) -> Result<(), Unfit> {
        let keys = estimate::keys(self.sent()).map_err(Unfit::TooExpensive)?;
        if keys.is_empty() {
            return Ok(());
        }
        let mut pipeline = Pipeline::new();
        let mut watch = redis::cmd("WATCH");
        keys.iter().for_each(|key| {
            watch.arg(self.prefix.stored(key));
        });
        let lengths = keys.iter().map(|key| {
            let mut command = redis::cmd("STRLEN");
            command.arg(self.prefix.stored(key));
            command
        });
        for command in std::iter::once(watch).chain(lengths) {
            if is_detour {
                pipeline.cmd("ASKING");
            }
            pipeline.add_command(command);
        }
        let mut replies = lease.send(&Packed::Many(pipeline)).await.map_err(|lost| {
            // Nothing is done yet.
            Unfit::Lost(Lost { is_unsent: true, ..lost })
        })?;
        if is_detour {
            replies = replies.into_iter().skip(1).step_by(2).collect();
        }
        if let Some(cause) = replies.iter().find_map(reply::not_serving) {
            return Err(Unfit::Lost(Lost { cause, is_unsent: true }));
        }
        let lengths = replies.into_iter().skip(1).map(|reply| match reply {
            Reply::Integer(length) => usize::try_from(length).unwrap_or(0),
            // What has no length as a text the operation refuses, as does a server for its reasons.
            _ => 0,
        });
        let estimate = Estimate::new(keys.into_iter().zip(lengths));
        estimate.admit(self.sent()).map_err(Unfit::TooExpensive)
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
        match self.admit(&lease, false).await {
            Ok(()) => {}
            Err(Unfit::Lost(lost)) => return Err(lost.cause),
            Err(Unfit::TooExpensive(error)) => {
                lease.forget_and_give_back();
                return Ok(discarded(&error));
            }
        }
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
                if let Some(refusal) = refusal(operation, self.max_reply) {
                    return refusal;
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

/// Why a transaction is not sent.
#[derive(Debug)]
pub(super) enum Unfit {
    /// The connection went, or the server does not serve.
    Lost(Lost),
    /// The server would need too long for it.
    TooExpensive(ErrorReply),
}

/// The reply to a transaction of which nothing is carried out.
pub(super) fn discarded(error: &ErrorReply) -> Reply {
    let text = match error {
        ErrorReply::Failed(text) | ErrorReply::Coded(text) => &text[..],
        _ => "previous errors.",
    };
    Reply::coded(format!("EXECABORT Transaction discarded because of: {text}"))
}

/// The reply where the values that the cost depends on change again and again.
pub(super) fn unsettled() -> Reply {
    let error = ErrorReply::Failed("values change too fast to find out what it costs".into());
    discarded(&error)
}

/// Whether the server did nothing, since it does not serve yet.
fn not_begun(replies: &[Reply]) -> bool {
    replies.first().and_then(reply::not_serving).is_some()
}
