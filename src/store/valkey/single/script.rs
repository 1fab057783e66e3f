//! Operations on a pinned connection, so that other requests need not wait for them. A script's
//! reply may end its connection. LCS is sent after its cost is estimated.

use tokio::time::Instant;

use super::engine::Valkey;
use super::kind::wants_own_connection;
use crate::command::table::spec::Cost;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::substitute;

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
