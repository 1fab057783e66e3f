//! Operations that have a connection of their own: scripts, whose replies are whatever they like,
//! and some of that ends a connection; and what takes long.

use super::reply;
use super::{Valkey, wants_own_connection};
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Effect, Operation};

impl Valkey {
    /// Carries out neighbouring operations, one after the other.
    pub(super) async fn run_on_own(&self, batch: &[Operation]) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(batch.len());
        for operation in batch {
            replies.push(self.run_one(operation).await);
        }
        replies
    }

    async fn run_one(&self, operation: &Operation) -> Reply {
        debug_assert!(wants_own_connection(operation.verb));
        if operation.keys().any(|key| crate::store::operation::is_reserved(key)) {
            return reply::reserved();
        }
        let lease = match self.server.node.pool.take(&self.server.node.link, self.deadline()).await
        {
            Ok(lease) => lease,
            Err(cause) => return reply::unavailable(cause),
        };
        match lease.ask(self.prefix.command(operation)).await {
            Ok(reply) => {
                // What a script says may be its own word: it is told, and not sent again.
                lease.refusal(std::slice::from_ref(&reply));
                lease.give_back();
                reply::of(&self.prefix, operation, reply, self.server.terms.max_reply)
            }
            Err(lost) if operation.verb.effect() == Effect::Read => reply::unavailable(lost.cause),
            Err(_) => Reply::Error(ErrorReply::OutcomeUnknown(operation.verb.name())),
        }
    }
}
