//! Transactions and watches. All writes and all watches go through the writer, so that every write
//! comes either before or after each of them.

use std::sync::Arc;

use bytes::Bytes;

use super::store::Embedded;
use crate::account::Account;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::read::lengths::Lengths;
use crate::store::embedded::types::weight::{effect, is_dear, is_for_writer};
use crate::store::embedded::write::job::{Answer, Outcome};
use crate::store::embedded::write::work::Work;
use crate::store::operation::{Operation, is_reserved, reserved};

impl Embedded {
    /// See [`crate::store::Store::watch`].
    pub(crate) async fn watch(
        &self,
        watch: Option<Watch>,
        keys: Vec<Bytes>,
    ) -> Result<Watch, ErrorReply> {
        if keys.iter().any(|key| is_reserved(key)) {
            return Err(reserved());
        }
        let watch = watch.unwrap_or_else(|| Watch::new(&self.core.shared.watches));
        match self.submit(Work::Watch(watch, keys), &Account::own(), true).await {
            Ok(Answer { work: Work::Watch(watch, _), mut replies, .. }) => match replies.pop() {
                Some(Reply::Error(error)) => Err(error),
                _ => Ok(watch),
            },
            // The writer has the watch or has dropped it: the client does not have it any more.
            _ => Err(ErrorReply::Unavailable("timed out".into())),
        }
    }

    /// See [`crate::store::Store::transact`].
    pub(crate) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        account: &Arc<Account>,
    ) -> Reply {
        let only_reads = !batch.iter().any(is_for_writer);
        let is_at_once = || {
            let lengths = Lengths::of(&self.scope, &self.core.shared.cache.look(), &batch);
            self.where_to_read_at_once(&batch, lengths).is_some()
        };
        if only_reads && is_at_once() {
            return self.read_at_once(watch, &batch, account).await;
        }
        if only_reads || is_dear(&batch) {
            return self.transact_beside(watch, batch, account).await;
        }
        let effect = effect(&batch);
        match self.submit(Work::Transaction(watch, batch), account, true).await {
            Ok(Answer { outcome: Outcome::Done, mut replies, .. }) => {
                replies.pop().unwrap_or(Reply::NilList)
            }
            Ok(Answer { work: Work::Transaction(watch, batch), .. }) => {
                self.transact_beside(watch, batch, account).await
            }
            Ok(_) => failure("EXEC", effect, "internal error", false),
            Err(begun) => failure("EXEC", effect, "timed out", begun),
        }
    }
}
