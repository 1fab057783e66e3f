//! The work that a client gives to the writer, and the steps of the work.

use bytes::Bytes;
use fjall::Slice;

use super::evaluation::evaluate::Prepared;
use crate::command::table::spec::{Effect, Fate, Own};
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::types::weight::effect;
use crate::store::operation::Operation;

/// The work of one client.
pub(crate) enum Work {
    /// Operations that are carried out one after the other.
    Batch(Vec<Operation>),
    /// A transaction. It is carried out if no watched key has changed.
    Transaction(Option<Watch>, Vec<Operation>),
    /// A transaction that was evaluated beside the writer.
    Prepared(Box<Prepared>),
    /// Adds these keys to a watch.
    Watch(Watch, Vec<Bytes>),
    /// Removes these stored keys as one of several parts of a `FLUSHDB`. An empty list ends the
    /// `FLUSHDB`.
    Remove(Vec<Slice>),
    /// Removes all keys of the store.
    Clear,
    /// Enters those of these stored keys whose values are long into the index of long values. An
    /// empty list marks the index as complete.
    Index(Vec<Slice>),
}

impl Work {
    /// About the bytes of the work.
    pub(crate) fn len(&self) -> usize {
        let args = |args: &[Bytes]| args.iter().map(|arg| 16 + arg.len()).sum::<usize>();
        match self {
            Work::Batch(batch) | Work::Transaction(_, batch) => {
                batch.iter().map(|it| 64 + args(&it.args)).sum()
            }
            Work::Prepared(prepared) => prepared.len(),
            Work::Watch(_, keys) => 64 + args(keys),
            Work::Remove(keys) | Work::Index(keys) => keys.iter().map(|key| 64 + key.len()).sum(),
            Work::Clear => 64,
        }
    }

    /// The number of replies to the work.
    pub(super) fn steps(&self) -> usize {
        match self {
            Work::Batch(batch) => batch.len(),
            _ => 1,
        }
    }

    pub(super) fn step(&mut self, number: usize) -> Option<Step<'_>> {
        Some(match self {
            Work::Batch(batch) => Step::Operation(batch.get(number)?),
            Work::Transaction(watch, batch) => Step::Transaction(watch.as_ref(), batch),
            Work::Prepared(prepared) => Step::Prepared(prepared),
            Work::Watch(watch, keys) => Step::Watch(watch, keys),
            Work::Remove(keys) => Step::Remove(keys),
            Work::Clear => Step::Clear,
            Work::Index(keys) => Step::Index(keys),
        })
    }

    /// The name and the effect of a step.
    pub(super) fn describe(&self, number: usize) -> (&'static str, Effect) {
        match self {
            Work::Batch(batch) => {
                batch.get(number).map_or(("", Effect::Read), |it| (it.name(), it.effect()))
            }
            Work::Transaction(_, batch) => ("EXEC", effect(batch)),
            Work::Prepared(_) => ("EXEC", Effect::Write),
            Work::Watch(..) => ("WATCH", Effect::Read),
            Work::Remove(_) | Work::Clear => ("FLUSHDB", Effect::Write),
            Work::Index(_) => ("the index of long values", Effect::Write),
        }
    }
}

/// A part of the work that gets one reply.
pub(crate) enum Step<'a> {
    /// One operation.
    Operation(&'a Operation),
    /// See [`Work::Transaction`].
    Transaction(Option<&'a Watch>, &'a [Operation]),
    /// See [`Work::Prepared`].
    Prepared(&'a mut Prepared),
    /// See [`Work::Watch`].
    Watch(&'a mut Watch, &'a [Bytes]),
    /// See [`Work::Remove`].
    Remove(&'a [Slice]),
    /// See [`Work::Clear`].
    Clear,
    /// See [`Work::Index`].
    Index(&'a [Slice]),
}

impl Step<'_> {
    /// Whether the step can be carried out on a full disk: it only reads, or it frees room.
    pub(crate) fn needs_no_room(&self) -> bool {
        let needs_none = |operation: &Operation| {
            let frees =
                matches!(operation.spec().fate, Fate::Removes(_)) || operation.own() == Own::Clear;
            frees || !operation.is_write()
        };
        match self {
            Step::Operation(operation) => needs_none(operation),
            Step::Transaction(_, batch) => batch.iter().all(needs_none),
            Step::Prepared(prepared) => prepared.evaluated.only_removes(),
            Step::Watch(..) | Step::Remove(_) | Step::Clear => true,
            Step::Index(_) => false,
        }
    }
}
