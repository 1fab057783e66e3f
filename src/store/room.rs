//! Carries out batches of clients that share a bounded memory: makes room for the replies first.

use bytes::Bytes;
use smallvec::smallvec;

use super::{Operation, Store, Verb, Watch};
use crate::memory::{Hold, Share};
use crate::message::{ErrorReply, Reply};

impl Store {
    /// As [`Store::execute`], for a client whose replies have their part of a bounded memory.
    /// Gives at least one reply, for which it waits if others hold the memory, and then as many as
    /// there is room for; and the rest of the batch, of which nothing was carried out. What the
    /// replies take, `share` keeps.
    pub async fn execute_within(
        &self,
        mut batch: Vec<Operation>,
        share: &mut Share,
    ) -> (Vec<Reply>, Vec<Operation>) {
        loop {
            let (count, hold) = share.make_room(batch.iter().map(Operation::values));
            let later = batch.split_off(count);
            let hold = match hold {
                Some(hold) => Some(hold),
                // To find out how long its values are, this engine reads them.
                None if matches!(self, Store::Embedded(_)) => Some(share.hold()),
                None => Box::pin(self.measure(&batch, share)).await,
            };
            if let Some(mut hold) = hold {
                let (replies, rest) = self.attempt(batch, &mut hold).await;
                batch = rest;
                if !replies.is_empty() {
                    share.set_impatient(replies.iter().any(is_unavailable));
                    share.keep(hold);
                    batch.extend(later);
                    return (replies, batch);
                }
            }
            batch.extend(later);
            if batch.is_empty() {
                return (Vec::new(), batch);
            }
            Box::pin(share.wait()).await;
        }
    }

    /// As [`Store::transact`], for a client whose replies have their part of a bounded memory, for
    /// which it waits.
    pub async fn transact_within(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        share: &mut Share,
    ) -> Reply {
        let values = batch.iter().map(Operation::values).sum();
        let mut hold = loop {
            let hold = match share.make_room(std::iter::once(values)).1 {
                Some(hold) => Some(hold),
                None => self.measure(&batch, share).await,
            };
            match hold {
                Some(hold) => break hold,
                None => share.wait().await,
            }
        };
        let reply = self.attempt_transaction(watch, batch, &mut hold).await;
        share.set_impatient(is_unavailable(&reply));
        hold.force(reply.data_len());
        share.keep(hold);
        reply
    }

    /// Room for the values that `batch` asks for, as long as they are now: what asks for little need
    /// not wait where others hold much. None if there is no such room.
    async fn measure(&self, batch: &[Operation], share: &Share) -> Option<Hold> {
        let asking = batch.iter().filter(|operation| operation.values() > 0);
        let length = |key: &Bytes| Operation { verb: Verb::StrLen, args: smallvec![key.clone()] };
        let lengths = asking.flat_map(Operation::keys).map(length).collect();
        let lengths = self.execute(lengths).await.into_iter().map(|reply| match reply {
            Reply::Integer(length) => usize::try_from(length).unwrap_or(0),
            _ => 0,
        });
        // What it sets it may get, too.
        let given = batch.iter().flat_map(|operation| operation.args.iter().map(Bytes::len));
        share.make_room_for(lengths.chain(given).fold(0, usize::saturating_add))
    }
}

/// Whether the store was away, for which the request has waited.
fn is_unavailable(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(ErrorReply::Unavailable(_)))
}
