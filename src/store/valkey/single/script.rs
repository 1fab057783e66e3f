//! Operations that other requests should not wait for. Scripts take a pinned connection, since
//! their replies may end a connection. LCS takes one, too, after its cost is estimated. Other
//! expensive operations run on the shared connection, a few at a time.

use crate::store::valkey::wire::substitute;
use tokio::time::Instant;

use super::engine::Valkey;
use super::kind::wants_own_connection;
use super::pipeline::Run;
use crate::command::table::spec::Cost;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cost::expense::portion;
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;

impl Valkey {
    /// Carries out adjacent operations, one after the other. `deadline` bounds the waits for the
    /// store. Gives the replies that found room. The operations without a reply were not carried
    /// out.
    pub(crate) async fn run_on_own(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(batch.len());
        for operation in batch {
            let reply = match operation.spec().cost {
                Cost::Product => {
                    let one = vec![operation.clone()];
                    alone(Box::pin(self.transact_until(None, one, deadline, hold)).await, operation)
                }
                _ => self.run_one(operation, deadline, hold).await,
            };
            if is_to_be_asked_again(operation, &reply) {
                break;
            }
            replies.push(reply);
        }
        replies
    }

    /// Carries out adjacent expensive operations. Gives the replies that found room.
    pub(crate) async fn run_expensive(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(batch.len());
        for part in batch.chunks(portion(batch)) {
            let place = match self.server.expenses.enter(hold.account(), deadline).await {
                Ok(place) => place,
                Err(cause) => {
                    let refused = batch[replies.len()..].iter();
                    replies.extend(refused.map(|_| reply::unavailable(cause.clone())));
                    break;
                }
            };
            let run = Run::new(part, self.server.limits.max_reply);
            let given = run.finish(&self.server.node.link, &self.prefix, deadline, hold).await;
            drop(place);
            self.index.note(part, &given);
            let is_cut = given.len() < part.len();
            replies.extend(given);
            if is_cut {
                break;
            }
        }
        replies
    }

    /// Carries out one APPEND, unless it would make the value too long. Gives no reply if that
    /// finds no room.
    pub(crate) async fn run_append(
        &self,
        part: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let Some(operation) = part.first() else { return Vec::new() };
        let server = &self.server;
        let question = [Growth::question(operation)];
        let run = Run::new(&question, server.limits.max_reply);
        let length = run.finish(&server.node.link, &self.prefix, deadline, hold).await.pop();
        if let Some(error) = server.growth.refusal(operation, length.as_ref()) {
            return vec![Reply::Error(error)];
        }
        let run = Run::new(part, server.limits.max_reply);
        let given = run.finish(&server.node.link, &self.prefix, deadline, hold).await;
        server.growth.learn(&self.prefix, part, &given);
        self.index.note(part, &given);
        given
    }

    async fn run_one(
        &self,
        operation: &Operation,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        debug_assert!(wants_own_connection(operation));
        if let Some(error) = operation.refusal() {
            return Reply::Error(error);
        }
        let node = &self.server.node;
        let lease = match node.pool.take(&node.link, hold.account(), deadline).await {
            Ok(lease) => lease,
            Err(error) => return Reply::Error(error),
        };
        let max_reply = self.server.limits.max_reply;
        let mut commands = Commands::default();
        self.prefix.write(operation, &mut commands);
        match lease.ask_once(commands, max_reply, hold).await {
            Ok(mut answer) => {
                // A script can make up such a reply, so the connection may retire, but the script
                // is not sent again.
                lease.refusal(&answer.replies);
                lease.give_back();
                let reply = answer.replies.pop().unwrap_or_else(reply::unexpected);
                reply::of(&self.prefix, operation, reply, max_reply)
            }
            Err(lost) if lost.is_unsent => reply::unavailable(lost.cause),
            Err(lost) if !operation.is_write() => reply::unavailable(lost.cause),
            Err(_) => Reply::Error(ErrorReply::OutcomeUnknown(operation.name())),
        }
    }
}

/// Whether the reply found no room, and the operation may be sent again.
pub(crate) fn is_to_be_asked_again(operation: &Operation, reply: &Reply) -> bool {
    !operation.is_write() && *reply == substitute::no_room()
}

/// Turns the reply to a transaction of one operation into the reply to the operation.
pub(crate) fn alone(reply: Reply, operation: &Operation) -> Reply {
    match reply {
        Reply::Array(mut replies) if replies.len() == 1 => replies.remove(0),
        Reply::Error(ErrorReply::OutcomeUnknown(_)) => {
            Reply::Error(ErrorReply::OutcomeUnknown(operation.name()))
        }
        Reply::Error(ErrorReply::Coded(text)) => {
            match text.strip_prefix("EXECABORT Transaction discarded because of: ") {
                Some(cause) => error(cause),
                None => Reply::Error(ErrorReply::Coded(text)),
            }
        }
        reply => reply,
    }
}

/// The error in the cause of a discarded transaction.
fn error(cause: &str) -> Reply {
    match cause.strip_prefix("ERR ") {
        Some(text) => Reply::failed(text.to_owned()),
        None => Reply::coded(cause.to_owned()),
    }
}
