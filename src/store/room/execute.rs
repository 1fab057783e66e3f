//! Carries out batches for clients that share a bounded memory. Makes room for the replies first.

use bytes::Bytes;
use smallvec::smallvec;

use super::measure;
use crate::command::table::of_store;
use crate::command::table::row::Command;
use crate::memory::ClientShare;
use crate::message::{ErrorReply, Reply};
use crate::store::engine::Store;
use crate::store::operation::Operation;
use crate::store::watch::Watch;

const STRLEN: &Command = of_store("STRLEN");

impl Store {
    /// As [`Store::execute`], for a client whose replies take room from a bounded memory. Gives at
    /// least one reply, waiting for room if other clients have it, and as many more as there is
    /// room for. Also gives back the rest of the batch, of which nothing was carried out. `share`
    /// keeps the room of the replies.
    pub async fn execute_within(
        &self,
        mut batch: Vec<Operation>,
        share: &mut ClientShare,
    ) -> (Vec<Reply>, Vec<Operation>) {
        loop {
            let (count, hold) = share.make_room(batch.iter().map(Operation::values));
            let later = batch.split_off(count);
            let hold = match hold {
                Some(hold) => Some(hold),
                // The embedded engine would have to read the values to measure them.
                None if matches!(self, Store::Embedded(_)) => Some(share.hold()),
                // A batch with short replies need not wait for clients that hold much memory.
                None => share.make_room_for(Box::pin(self.measure(&batch)).await.0),
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

    /// As [`Store::transact`], for a client whose reply takes room from a bounded memory. Waits for
    /// the room first, since a transaction cannot be sent again. If the whole memory is too small,
    /// nothing is done.
    pub async fn transact_within(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        share: &mut ClientShare,
    ) -> Reply {
        let values = batch.iter().map(Operation::values).sum();
        let mut hold = loop {
            // Replies that are most likely short need not be measured.
            let beside = batch.len().saturating_mul(measure::BESIDE);
            let ample = share.has_ample_room(values, beside) && !share.has_turn();
            let expected = if ample { share.make_room_beside(values, beside) } else { None };
            let hold = if expected.is_some() {
                expected
            } else {
                let (sum, longest) = Box::pin(self.measure(&batch)).await;
                // As for other requests, a single value may exceed the share.
                if sum > share.limit().max(longest.saturating_mul(2)) {
                    return too_large(sum);
                }
                share.make_room_for(sum)
            };
            match hold {
                Some(hold) => break hold,
                None => share.wait().await,
            }
        };
        let given = batch.iter().flat_map(|operation| operation.args.iter().map(Bytes::len));
        hold.learn(given.max().unwrap_or(0));
        let reply = self.attempt_transaction(watch, batch, &mut hold).await;
        hold.learn(reply.longest_value());
        share.set_impatient(is_unavailable(&reply));
        share.keep(hold);
        reply
    }

    /// The most bytes that the replies to `batch` may take together by the current lengths of the
    /// values, and the longest value in them.
    async fn measure(&self, batch: &[Operation]) -> (usize, usize) {
        let keys = measure::keys(batch);
        let length = |key: &Bytes| Operation { command: STRLEN, args: smallvec![key.clone()] };
        let asked = keys.iter().map(|key| length(key)).collect();
        let lengths = self.execute(asked).await.into_iter().map(|reply| match reply {
            Reply::Integer(length) => usize::try_from(length).unwrap_or(0),
            _ => 0,
        });
        measure::replies(batch, keys.into_iter().zip(lengths))
    }
}

/// Whether the request has waited in vain for a store that is away.
fn is_unavailable(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(ErrorReply::Unavailable(_)))
}

fn too_large(bytes: usize) -> Reply {
    let text = format!(
        "the transaction's replies may take {bytes} bytes, more than KVSOCK_MAX_MEMORY; nothing was done"
    );
    Reply::failed(text)
}
