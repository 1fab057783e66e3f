//! Operations that others must not have to wait for. Scripts have a connection of their own, since
//! their replies are whatever they like, and some of that ends a connection; so has LCS, whose
//! cost is found out first. What else is expensive goes over the shared connection, few at a time.

use tokio::time::Instant;

use super::expense::portion;
use super::pipeline::Run;
use super::reply;
use super::{Valkey, wants_own_connection};
use crate::memory::Hold;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Cost, Effect, Operation};

impl Valkey {
    /// Carries out neighbouring operations, one after the other. `deadline` bounds the waits for the
    /// store.
    pub(super) async fn run_on_own(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut Hold,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(batch.len());
        for operation in batch {
            replies.push(match operation.verb.cost() {
                Cost::Product => {
                    let one = vec![operation.clone()];
                    alone(Box::pin(self.transact_until(None, one, deadline, hold)).await, operation)
                }
                _ => self.run_one(operation, deadline).await,
            });
        }
        replies
    }

    /// Carries out neighbouring operations that are expensive. Gives the replies that there was room
    /// for.
    pub(super) async fn run_expensive(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut Hold,
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

    async fn run_one(&self, operation: &Operation, deadline: Option<Instant>) -> Reply {
        debug_assert!(wants_own_connection(operation.verb));
        if operation.keys().any(|key| crate::store::operation::is_reserved(key)) {
            return reply::reserved();
        }
        let lease = match self.server.node.pool.take(&self.server.node.link, deadline).await {
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

/// The reply to one operation, from that to the transaction that it was the whole of.
pub(super) fn alone(reply: Reply, operation: &Operation) -> Reply {
    match reply {
        Reply::Array(mut replies) if replies.len() == 1 => replies.remove(0),
        Reply::Error(ErrorReply::OutcomeUnknown(_)) => {
            Reply::Error(ErrorReply::OutcomeUnknown(operation.verb.name()))
        }
        Reply::Error(ErrorReply::Coded(text)) => {
            match text.strip_prefix("EXECABORT Transaction discarded because of: ") {
                Some(cause) => Reply::failed(cause.to_owned()),
                None => Reply::Error(ErrorReply::Coded(text)),
            }
        }
        reply => reply,
    }
}
