//! Operations that others must not have to wait for. Scripts have a connection of their own, since
//! their replies are whatever they like, and some of that ends a connection; so has LCS, whose
//! cost is found out first. What else is expensive goes over the shared connection, few at a time.

use tokio::time::Instant;

use super::pipeline::Run;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Cost, Effect, Operation};
use crate::store::valkey::cost::expense::portion;
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::{Valkey, wants_own_connection};

impl Valkey {
    /// Carries out neighbouring operations, one after the other. `deadline` bounds the waits for the
    /// store. Gives the replies that there was room for; what the others ask was not done.
    pub(crate) async fn run_on_own(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(batch.len());
        for operation in batch {
            let reply = match operation.verb.cost() {
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

    /// Carries out neighbouring operations that are expensive. Gives the replies that there was room
    /// for.
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
            let run = Run::new(part, self.server.terms.max_reply);
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

    /// Carries out one APPEND, unless it would make the value too long. Gives no reply if there was
    /// no room for one.
    pub(crate) async fn run_append(
        &self,
        part: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let Some(operation) = part.first() else { return Vec::new() };
        let server = &self.server;
        let question = [Growth::question(operation)];
        let run = Run::new(&question, server.terms.max_reply);
        let length = run.finish(&server.node.link, &self.prefix, deadline, hold).await.pop();
        if let Some(error) = server.growth.refusal(operation, length.as_ref()) {
            return vec![Reply::Error(error)];
        }
        let run = Run::new(part, server.terms.max_reply);
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
        debug_assert!(wants_own_connection(operation.verb));
        if operation.keys().any(|key| crate::store::operation::is_reserved(key)) {
            return reply::reserved();
        }
        let node = &self.server.node;
        let lease = match node.pool.take(&node.link, hold.account(), deadline).await {
            Ok(lease) => lease,
            Err(error) => return Reply::Error(error),
        };
        let max_reply = self.server.terms.max_reply;
        let mut commands = Commands::default();
        self.prefix.write(operation, &mut commands);
        match lease.ask_once(commands, max_reply, hold).await {
            Ok(mut answer) => {
                // What a script says may be its own word: it is told, and not sent again.
                lease.refusal(&answer.replies);
                lease.give_back();
                let reply = answer.replies.pop().unwrap_or_else(reply::unexpected);
                reply::of(&self.prefix, operation, reply, max_reply)
            }
            Err(lost) if lost.is_unsent => reply::unavailable(lost.cause),
            Err(lost) if operation.verb.effect() == Effect::Read => reply::unavailable(lost.cause),
            Err(_) => Reply::Error(ErrorReply::OutcomeUnknown(operation.verb.name())),
        }
    }
}

/// Whether there was no room for the reply, and nothing was done.
pub(crate) fn is_to_be_asked_again(operation: &Operation, reply: &Reply) -> bool {
    operation.verb.effect() == Effect::Read && *reply == reply::no_room()
}

/// The reply to one operation, from that to the transaction that it was the whole of.
pub(crate) fn alone(reply: Reply, operation: &Operation) -> Reply {
    match reply {
        Reply::Array(mut replies) if replies.len() == 1 => replies.remove(0),
        Reply::Error(ErrorReply::OutcomeUnknown(_)) => {
            Reply::Error(ErrorReply::OutcomeUnknown(operation.verb.name()))
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

/// The error that a server or kvsock told as the cause for which a transaction was discarded.
fn error(cause: &str) -> Reply {
    match cause.strip_prefix("ERR ") {
        Some(text) => Reply::failed(text.to_owned()),
        None => Reply::coded(cause.to_owned()),
    }
}
