//! Transactions that may take long, beside the writer. A thread for long reads evaluates them on
//! the committed data. The writer applies them if no key that they read has changed since.
//!
//! After two conflicts the writer evaluates the transaction itself, if the last evaluation took
//! less than 20 ms. Otherwise the transaction is refused.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::store::Embedded;
use super::thread::{Length, Waiting};
use crate::account::{Account, Place};
use crate::command::table::spec::Effect;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::types::weight::{PIECE, effect, is_for_writer, looks_at_all};
use crate::store::embedded::write::evaluation::evaluate::{Prepared, Stopped, prepare};
use crate::store::embedded::write::job::{Answer, Outcome};
use crate::store::embedded::write::work::Work;
use crate::store::operation::Operation;

/// The number of attempts to evaluate a transaction beside the writer, if others change keys that
/// it reads.
const ATTEMPTS: usize = 2;

impl Embedded {
    /// Carries out a transaction of few reads on this thread.
    pub(crate) async fn read_at_once(
        &self,
        watch: Option<Watch>,
        batch: &[Operation],
        account: &Arc<Account>,
    ) -> Reply {
        if self.database().await.is_none() {
            return failure("EXEC", effect(batch), "being opened again", false);
        }
        let setting = (&*self.scope, &*self.core.shared, account.uid());
        match prepare(setting, watch, batch, || false) {
            Ok(prepared) => Reply::Array(prepared.evaluated.replies),
            Err(stopped) => self.stopped(&stopped),
        }
    }

    /// Carries out a transaction beside the writer, see [`crate::store::Store::transact`].
    pub(crate) async fn transact_beside(
        &self,
        mut watch: Option<Watch>,
        batch: Vec<Operation>,
        account: &Arc<Account>,
    ) -> Reply {
        let only_reads = !batch.iter().any(is_for_writer);
        let effect = effect(&batch);
        // Before the writer has the transaction nothing is changed.
        let failed = |why: &str| failure("EXEC", effect, why, false);
        let place = match self.place(Length::of(&batch), account).await {
            Ok(place) => place,
            Err(why) => return failed(why),
        };
        let mut kept = Some(place);
        let batch = Arc::new(batch);
        let mut took = PIECE;
        for _ in 0..ATTEMPTS {
            if self.database().await.is_none() {
                return failed("being opened again");
            }
            let prepared = self.prepare(&batch, watch.take(), account, &mut kept).await;
            let prepared = match prepared {
                Ok(prepared) => prepared,
                Err(reply) => return reply,
            };
            if only_reads {
                return Reply::Array(prepared.evaluated.replies);
            }
            took = prepared.took;
            let work = Work::Prepared(Box::new(prepared));
            match self.submit(work, account, true).await {
                Ok(Answer { outcome: Outcome::Done, mut replies, .. }) => {
                    return replies.pop().unwrap_or(Reply::NilList);
                }
                Ok(Answer { work: Work::Prepared(prepared), .. }) => watch = prepared.watch,
                Ok(_) => return failed("internal error"),
                Err(begun) => return failure("EXEC", effect, "timed out", begun),
            }
        }
        drop(kept);
        if took < PIECE {
            let work = Work::Transaction(watch, batch.to_vec());
            match self.submit(work, account, true).await {
                Ok(Answer { outcome: Outcome::Done, mut replies, .. }) => {
                    return replies.pop().unwrap_or(Reply::NilList);
                }
                Ok(_) => {}
                Err(begun) => return failure("EXEC", effect, "timed out", begun),
            }
        }
        Reply::Error(conflict(&batch))
    }

    /// Evaluates `batch` on another thread. The thread holds the place as long as it works.
    async fn prepare(
        &self,
        batch: &Arc<Vec<Operation>>,
        watch: Option<Watch>,
        account: &Arc<Account>,
        kept: &mut Option<Place>,
    ) -> Result<Prepared, Reply> {
        let (scope, shared) = (Arc::clone(&self.scope), Arc::clone(&self.core.shared));
        let (batch_there, user) = (Arc::clone(batch), account.uid());
        let limit = self.core.timeout;
        let place = kept.take();
        let begun = Instant::now();
        let evaluated = Waiting::spawn(move |waiting| {
            let is_late = || !limit.is_zero() && begun.elapsed() > limit;
            let is_stopped = || waiting.is_gone() || is_late();
            (prepare((&scope, &shared, user), watch, &batch_there, is_stopped), place)
        });
        let failed = |why: &str| failure("EXEC", effect(batch), why, false);
        let Some((prepared, place)) = evaluated.await else { return Err(failed("internal error")) };
        *kept = place;
        prepared.map_err(|stopped| self.stopped(&stopped))
    }

    /// The reply to a transaction that was stopped and changed nothing.
    fn stopped(&self, stopped: &Stopped) -> Reply {
        match stopped {
            Stopped::Watch => Reply::NilList,
            Stopped::Closed => failure("EXEC", Effect::Read, "being opened again", false),
            Stopped::Late => {
                let limit = self.core.timeout.as_secs_f32();
                Reply::failed(format!("transaction takes longer than {limit} s"))
            }
        }
    }
}

/// The reply to a transaction whose keys changed during every attempt.
fn conflict(batch: &[Operation]) -> ErrorReply {
    let what: Cow<'_, str> = if looks_at_all(batch) {
        "keys changed in the key space that it looks at".into()
    } else {
        "keys changed that it names".into()
    };
    let text = format!(
        "transaction was not carried out: {what} while it was evaluated, {ATTEMPTS} times, and it \
         takes longer than the {} ms that other writers may wait for it",
        PIECE.as_millis()
    );
    ErrorReply::Failed(text.into())
}
