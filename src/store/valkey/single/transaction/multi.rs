//! A transaction as commands and replies: MULTI, its operations and EXEC in one pipeline.

use std::borrow::Cow;

use super::within::Within;
use crate::command::table::spec::Own;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cost::expense::refusal;
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::last::fate;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::exchange::{Answer, Lost};
use crate::store::valkey::wire::{error_text, substitute};

/// The reply to EXEC after an operation was refused instead of queued.
const PREVIOUS_ERRORS: &str = "EXECABORT Transaction discarded because of previous errors.";

/// A transaction.
pub(crate) struct Transaction<'a> {
    pub(crate) within: Within<'a>,
    pub(crate) growth: &'a Growth,
    pub(crate) max_reply: usize,
    pub(crate) batch: &'a [Operation],
    /// The time before which a FLUSHDB in the transaction removes all keys.
    begun: Option<u64>,
}

impl<'a> Transaction<'a> {
    /// A transaction of `batch`, not sent yet.
    pub(crate) fn new(
        prefix: &'a Prefix,
        index: &'a Index,
        growth: &'a Growth,
        batch: &'a [Operation],
    ) -> Transaction<'a> {
        let clears = batch.iter().any(|operation| operation.own() == Own::Clear);
        let begun = clears.then(|| index.pending().stamp());
        let max_reply = growth.limit();
        Transaction { within: Within { prefix, index }, growth, max_reply, batch, begun }
    }

    /// The operations that are sent.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &Operation> + Clone {
        self.batch.iter().filter(|operation| self.answer(operation).is_none())
    }

    /// The reply to an operation that is not sent.
    fn answer(&self, operation: &Operation) -> Option<Reply> {
        refusal(operation, self.max_reply).or_else(|| self.within.answer(operation))
    }

    /// Appends MULTI, the operations that are sent, and EXEC.
    pub(crate) fn write(&self, commands: &mut Commands) {
        commands.push(&[b"MULTI"]);
        for position in 0..self.batch.len() {
            if self.answer(&self.batch[position]).is_none() {
                self.within.write(self.batch, position, commands);
            }
        }
        commands.push(&[b"EXEC"]);
    }

    /// The reply to EXEC, from the replies to MULTI, to each operation and to EXEC.
    pub(crate) fn outcome(&self, Answer { mut replies, has_substitutes, .. }: Answer) -> Reply {
        match replies.first() {
            Some(Reply::Status("OK")) => {}
            Some(reply) => {
                return match reply::not_serving(reply) {
                    Some(cause) => reply::unavailable(cause),
                    // A server that refuses MULTI executes the following commands one by one.
                    None => Reply::Error(ErrorReply::OutcomeUnknown("EXEC")),
                };
            }
            None => return reply::unexpected(),
        }
        let answers = match replies.pop() {
            Some(Reply::Array(answers)) => answers,
            Some(Reply::Nil | Reply::NilList) => return Reply::NilList,
            Some(Reply::Error(error)) if has_substitutes => {
                // The transaction was executed, but its reply is lost.
                self.note(&self.batch.iter().map(fate::likely).collect::<Vec<_>>());
                return Reply::Error(error);
            }
            Some(Reply::Error(error)) => return Reply::Error(explained(error, &replies)),
            _ => return reply::unexpected(),
        };
        // The reply to MULTI is left.
        if answers.len() + 1 != replies.len() {
            return reply::unexpected();
        }
        let mut answers = answers.into_iter();
        let mut replies = Vec::with_capacity(self.batch.len());
        for position in 0..self.batch.len() {
            let operation = &self.batch[position];
            let reply = self.answer(operation).unwrap_or_else(|| {
                let reply = self.within.reply(self.batch, position, &replies, &mut answers);
                reply::of(self.within.prefix, operation, reply, self.max_reply)
            });
            replies.push(reply);
        }
        self.note(&replies);
        if replies.iter().map(Reply::data_len).sum::<usize>() > self.max_reply {
            // The transaction was executed all the same.
            return substitute::too_long(self.max_reply);
        }
        Reply::Array(replies)
    }

    /// Notes the changes in the index of `last`.
    fn note(&self, replies: &[Reply]) {
        let is_clear = |operation: &Operation| operation.own() == Own::Clear;
        let cleared = self.batch.iter().rposition(is_clear);
        if let (Some(_), Some(begun)) = (cleared, self.begun) {
            self.within.index.pending().clear(begun);
        }
        let from = cleared.map_or(0, |last| last + 1);
        self.within.index.note(&self.batch[from..], &replies[from..]);
        self.growth.learn(self.within.prefix, self.batch, replies);
    }

    /// The reply when the connection ended after the transaction was sent.
    pub(crate) fn lost(&self, lost: Lost) -> Reply {
        if !self.batch.iter().any(Operation::is_write) {
            return reply::unavailable(lost.cause);
        }
        Reply::Error(ErrorReply::OutcomeUnknown("EXEC"))
    }
}

/// The error of EXEC, with the first error that the server gave when it queued the commands.
fn explained(error: ErrorReply, told: &[Reply]) -> ErrorReply {
    let refusal = told.iter().find_map(|reply| match reply {
        Reply::Error(refusal) => Some(refusal),
        _ => None,
    });
    match (&error, refusal) {
        (ErrorReply::Coded(text), Some(refusal)) if text == PREVIOUS_ERRORS => {
            let cause = error_text::of_reply(refusal);
            let text = format!("EXECABORT Transaction discarded because of: {cause}");
            ErrorReply::Coded(text.into())
        }
        _ => error,
    }
}

/// The cause, if the server does not serve yet and so did nothing.
pub(crate) fn not_begun(replies: &[Reply]) -> Option<Cow<'static, str>> {
    replies.first().and_then(reply::not_serving)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_transaction_names_the_first_cause() {
        let previous = || ErrorReply::Coded(PREVIOUS_ERRORS.into());
        let told = |refusals: &[&'static str]| {
            let refusals = refusals.iter().map(|text| Reply::coded(*text));
            let replies: Vec<_> = [Reply::OK].into_iter().chain(refusals).collect();
            explained(previous(), &replies).to_string()
        };
        assert_eq!(
            told(&["OOM command not allowed", "READONLY x"]),
            "EXECABORT Transaction discarded because of: OOM command not allowed"
        );
        assert_eq!(told(&[]), PREVIOUS_ERRORS);
        let other = ErrorReply::Coded("NOPERM x".into());
        assert_eq!(explained(other.clone(), &[Reply::coded("OOM x")]), other);
        let failed = [Reply::OK, Reply::failed("syntax error")];
        assert_eq!(
            explained(previous(), &failed).to_string(),
            "EXECABORT Transaction discarded because of: ERR syntax error"
        );
    }
}
