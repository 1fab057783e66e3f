//! Operations of one command each that need care before they are sent: expensive ones, a few at a
//! time, and APPEND to a value that may become too long. One server and a cluster share this code.

use tokio::time::Instant;

use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::operation::Operation;
use crate::store::valkey::cost::expense::{Expenses, portion};
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::last::index::Index;

/// Sends operations of one command each, to one server or to the nodes of a cluster.
pub(crate) trait Sender: Sync {
    /// Carries out `batch` as one pipeline. `deadline` bounds the waits for the store. Gives the
    /// replies that found room. The operations without a reply were not carried out.
    fn send(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> impl Future<Output = Vec<Reply>> + Send;
}

/// Carries out such operations under one prefix.
pub(crate) struct Guarded<'a, S> {
    pub(crate) sender: S,
    pub(crate) prefix: &'a Prefix,
    pub(crate) index: &'a Index,
    pub(crate) expenses: &'a Expenses,
    pub(crate) growth: &'a Growth,
    /// Bounds the waits for the store.
    pub(crate) deadline: Option<Instant>,
}

impl<S: Sender> Guarded<'_, S> {
    /// Carries out adjacent expensive operations. Gives the replies that found room.
    pub(crate) async fn run_expensive(
        &self,
        batch: &[Operation],
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(batch.len());
        for part in batch.chunks(portion(batch)) {
            let place = match self.expenses.enter(hold.account(), self.deadline).await {
                Ok(place) => place,
                Err(cause) => {
                    let refused = batch[replies.len()..].iter();
                    replies.extend(refused.map(|_| reply::unavailable(cause.clone())));
                    break;
                }
            };
            let given = self.sender.send(part, self.deadline, hold).await;
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
    pub(crate) async fn run_append(&self, part: &[Operation], hold: &mut ReplyRoom) -> Vec<Reply> {
        let Some(operation) = part.first() else { return Vec::new() };
        let question = [Growth::question(operation)];
        let length = self.sender.send(&question, self.deadline, hold).await.pop();
        if let Some(error) = self.growth.refusal(operation, length.as_ref()) {
            return vec![Reply::Error(error)];
        }
        let given = self.sender.send(part, self.deadline, hold).await;
        self.growth.learn(self.prefix, part, &given);
        self.index.note(part, &given);
        given
    }
}
