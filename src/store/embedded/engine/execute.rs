//! Batches: which thread carries out which operations.

use super::read::Done;
use super::store::Embedded;
use crate::command::table::spec::{Own, Spec};
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::types::weight::{MAX_IN_PLACE, is_for_writer, weight};
use crate::store::embedded::write::work::Work;
use crate::store::operation::Operation;

/// The thread that carries out an operation of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The writer, or the serving thread if the batch only reads.
    Writer,
    /// A thread for long reads.
    Reader,
    /// See [`Embedded::clear_for`].
    Clear,
}

fn way(operation: &Operation) -> Way {
    if operation.own() == Own::Clear {
        Way::Clear
    } else if !is_for_writer(operation) && weight(operation) > MAX_IN_PLACE {
        Way::Reader
    } else {
        Way::Writer
    }
}

impl Embedded {
    /// See [`crate::store::Store::execute_within`]. Returns the replies that there was room for,
    /// and the rest of the batch.
    pub(crate) async fn execute(&self, batch: Vec<Operation>, hold: &mut ReplyRoom) -> Done {
        if !batch.iter().any(is_for_writer) {
            return self.read(batch, hold).await;
        }
        if batch.iter().all(|it| way(it) == Way::Writer) {
            return self.write(batch, hold).await;
        }
        // Long reads would keep the writer from others' batches.
        let mut replies = Vec::with_capacity(batch.len());
        for part in batch.chunk_by(|one, next| way(one) == way(next)) {
            let (given, rest) = match way(&part[0]) {
                Way::Clear => (self.clear_for(part, hold.account()).await, Vec::new()),
                Way::Writer if part.iter().any(is_for_writer) => {
                    self.write(part.to_vec(), hold).await
                }
                Way::Reader | Way::Writer => self.read(part.to_vec(), hold).await,
            };
            replies.extend(given);
            if !rest.is_empty() {
                break;
            }
        }
        let rest = batch[replies.len()..].to_vec();
        (replies, rest)
    }

    /// Has the writer carry out a batch. All replies are given, even without room: the writer read
    /// the values between its writes and cannot read them again.
    async fn write(&self, batch: Vec<Operation>, hold: &mut ReplyRoom) -> Done {
        let specs: Vec<&'static Spec> = batch.iter().map(Operation::spec).collect();
        let is_timed = !specs.iter().any(|spec| spec.own == Own::Save);
        let replies = match self.submit(Work::Batch(batch), hold.account(), is_timed).await {
            Ok(answer) => answer.replies,
            Err(begun) => specs
                .into_iter()
                .map(|spec| failure(spec.name, spec.effect, "timed out", begun))
                .collect(),
        };
        hold.force(replies.iter().map(Reply::data_len).sum());
        (replies, Vec::new())
    }
}
