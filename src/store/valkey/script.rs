//! Scripts, on a connection of their own: their replies are whatever they like, and some of that
//! ends a connection.

use super::reply;
use super::{Valkey, is_script};
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;

impl Valkey {
    /// Runs neighbouring scripts.
    pub(super) async fn run_scripts(&self, batch: &[Operation]) -> Vec<Reply> {
        debug_assert!(batch.iter().all(|operation| is_script(operation.verb)));
        let lease = match self.pool.take(&self.link, self.deadline()).await {
            Ok(lease) => lease,
            Err(cause) => {
                return batch.iter().map(|_| reply::unavailable(cause.clone())).collect();
            }
        };
        let positions: Vec<usize> = (0..batch.len()).collect();
        let Ok(values) = lease.send(&self.prefix.pack(batch, &positions)).await else {
            let unknown = |it: &Operation| ErrorReply::OutcomeUnknown(it.verb.name());
            return batch.iter().map(|it| Reply::Error(unknown(it))).collect();
        };
        lease.give_back();
        let answers = batch.iter().zip(values);
        answers.map(|(it, value)| reply::of(&self.prefix, it, value, self.max_reply)).collect()
    }
}
