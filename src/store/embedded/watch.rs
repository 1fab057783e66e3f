//! Transactions, and the keys that they depend on: both go through the writer, so that every
//! write is either before or after them.

use bytes::Bytes;

use super::Embedded;
use super::group::{Answer, Work, effect, failure};
use super::refusal;
use super::watches::Watch;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::{Operation, is_reserved};

impl Embedded {
    /// See [`crate::store::Store::watch`].
    pub(in crate::store) async fn watch(
        &self,
        watch: Option<Watch>,
        keys: Vec<Bytes>,
    ) -> Result<Watch, ErrorReply> {
        if keys.iter().any(|key| is_reserved(key)) {
            return Err(refusal::reserved());
        }
        let watch = watch.unwrap_or_else(|| Watch::new(&self.core.shared.watches));
        match self.submit(Work::Watch(watch, keys), true).await {
            Ok(Answer { watch: Some(watch), mut replies }) => match replies.pop() {
                Some(Reply::Error(error)) => Err(error),
                _ => Ok(watch),
            },
            // Whether or not it was begun, nobody has it now.
            _ => Err(ErrorReply::Unavailable("timed out".into())),
        }
    }

    /// See [`crate::store::Store::transact`].
    pub(in crate::store) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
    ) -> Reply {
        let effect = effect(&batch);
        match self.submit(Work::Transaction(watch, batch), true).await {
            Ok(mut answer) => answer.replies.pop().unwrap_or(Reply::NilList),
            Err(begun) => failure("EXEC", effect, "timed out", begun),
        }
    }
}
