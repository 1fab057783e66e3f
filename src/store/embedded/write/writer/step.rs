//! The steps of clients' work.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fjall::PersistMode;

use super::state::Writer;
use crate::command::table::spec::Own;
use crate::message::Reply;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::argument::time;
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::read::snapshot::View;
use crate::store::embedded::types::editor::{Editor, Target};
use crate::store::embedded::types::weight::{PIECE, looks_at_all};
use crate::store::embedded::types::{reads, writes};
use crate::store::embedded::write::evaluation::evaluate::{Evaluated, Prepared, Setting, evaluate};
use crate::store::embedded::write::job::Outcome;
use crate::store::embedded::write::work::Step;
use crate::store::operation::Operation;

/// The result of a step.
pub(super) enum Done {
    Reply(Reply),
    /// The transaction was not carried out.
    Not(Outcome),
    /// The step needs [`Writer::step_on_committed`].
    OnCommitted,
}

impl Writer {
    /// Carries out one step, unless all earlier changes must be committed before it.
    pub(super) fn step(
        &mut self,
        scope: &Scope,
        user: Option<u32>,
        step: Step<'_>,
    ) -> Result<Done, Fault> {
        let now = time::now();
        self.is_removal &= matches!(step, Step::Remove(_));
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        Ok(match step {
            Step::Operation(operation) if operation.spec().is_compound() => Done::OnCommitted,
            Step::Operation(operation) if operation.own() == Own::BgSave => {
                Done::Reply(self.save_soon(&operation.args))
            }
            Step::Operation(operation) => {
                let Shared { cursors, saved, .. } = &*self.shared;
                let target = Target(transaction);
                let mut editor = Editor { target, scope, cursors, saved, now, user };
                Done::Reply(writes::execute(&mut editor, operation))
            }
            Step::Transaction(_, batch) if looks_at_all(batch) => Done::OnCommitted,
            Step::Transaction(watch, batch) => {
                let shared = Arc::clone(&self.shared);
                let setting = Setting { scope, shared: &shared, now, user };
                self.transact(setting, watch, batch)?
            }
            Step::Prepared(prepared) if prepared.evaluated.clears_all() => Done::OnCommitted,
            Step::Prepared(prepared) => self.apply(prepared, now)?,
            Step::Watch(watch, keys) => Done::Reply(self.watch(scope, watch, keys)?),
            Step::Remove([]) | Step::Clear => Done::OnCommitted,
            Step::Remove(keys) => {
                transaction.remove_all(keys, now)?;
                Done::Reply(Reply::OK)
            }
            Step::Index(keys) => {
                transaction.index(keys)?;
                Done::Reply(Reply::OK)
            }
        })
    }

    /// Carries out a transaction within one commit, unless a watched key has changed.
    fn transact(
        &mut self,
        setting: Setting<'_>,
        watch: Option<&Watch>,
        batch: &[Operation],
    ) -> Result<Done, Fault> {
        if watch.is_some_and(|watch| watch.is_broken(setting.now)) {
            return Ok(Done::Reply(Reply::NilList));
        }
        let begun = Instant::now();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        let is_late = || begun.elapsed() > PIECE;
        let Some(mut evaluated) = evaluate(setting, transaction, None, batch, is_late) else {
            return Ok(Done::Not(Outcome::TooLong));
        };
        self.apply_evaluated(&mut evaluated, setting.now)?;
        Ok(Done::Reply(Reply::Array(evaluated.replies)))
    }

    /// Applies a transaction that was evaluated beside the writer, unless a key that it read has
    /// changed.
    fn apply(&mut self, prepared: &mut Prepared, now: u64) -> Result<Done, Fault> {
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        if prepared.watch.as_ref().is_some_and(|watch| watch.is_broken(now)) {
            return Ok(Done::Reply(Reply::NilList));
        }
        if !transaction.allows(prepared, now) {
            return Ok(Done::Not(Outcome::Conflict));
        }
        self.apply_evaluated(&mut prepared.evaluated, now)?;
        let replies = std::mem::take(&mut prepared.evaluated.replies);
        Ok(Done::Reply(Reply::Array(replies)))
    }

    /// Applies the changes of an evaluation. If it removes all keys, all earlier changes must be
    /// committed.
    fn apply_evaluated(&mut self, evaluated: &mut Evaluated, now: u64) -> Result<(), Fault> {
        let mode = self.mode();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        if evaluated.clears_all() {
            let database = Arc::clone(transaction.clear(now, mode, Some(evaluated))?);
            self.go_over_to(&database);
        } else {
            transaction.apply(evaluated)?;
        }
        self.save_is_due |= evaluated.saves;
        Ok(())
    }

    /// Publishes `database`, which holds the data after all keys were removed.
    fn go_over_to(&mut self, database: &Arc<Database>) {
        self.shared.publish(Some(Arc::clone(database)));
        self.recovery.settle();
        self.note_unsynced();
        if let Err(fault) = database.remove_other_generations() {
            tracing::warn!(%fault, "cleared data stays on disk until the next start");
        }
    }

    /// Adds `keys` to `watch`, which sees all their changes from now on.
    fn watch(&mut self, scope: &Scope, watch: &mut Watch, keys: &[Bytes]) -> Result<Reply, Fault> {
        let now = time::now();
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        // A key that is too long to be stored never changes.
        for stored in keys.iter().filter_map(|key| scope.stored(key)) {
            let live = transaction.record(&stored)?.filter(|record| !record.is_expired(now));
            watch.add(stored, live.and_then(|record| record.expires));
        }
        Ok(Reply::OK)
    }

    /// Begins a save as soon as the waiting clients are answered.
    fn save_soon(&mut self, options: &[Bytes]) -> Reply {
        let reply = refusal::save_options(options);
        self.save_is_due |= reply.is_ok();
        reply.unwrap_or_else(Reply::Error)
    }

    /// Carries out a step that looks at the whole store. All earlier changes are committed.
    pub(super) fn step_on_committed(
        &mut self,
        scope: &Scope,
        user: Option<u32>,
        step: Step<'_>,
    ) -> Result<Result<Reply, Outcome>, Fault> {
        let (mode, now) = (self.mode(), time::now());
        let transaction = self.recovery.transaction().ok_or(Fault::Poisoned)?;
        let epoch = self.shared.cache.epoch();
        match step {
            Step::Operation(operation) if operation.own() == Own::Save => {
                transaction.database().persist(PersistMode::SyncAll)?;
                self.shared.saved.note();
            }
            Step::Operation(operation) => {
                let view = View::new(transaction.database(), scope, &self.shared, epoch);
                return Ok(Ok(reads::execute_on(&view, operation, now, user)));
            }
            Step::Transaction(watch, batch) => {
                if watch.is_some_and(|watch| watch.is_broken(now)) {
                    return Ok(Ok(Reply::NilList));
                }
                let begun = Instant::now();
                let database = Arc::clone(transaction.database());
                let view = View::new(&database, scope, &self.shared, epoch);
                let setting = Setting { scope, shared: &self.shared, now, user };
                let is_late = || begun.elapsed() > PIECE;
                let evaluated = evaluate(setting, &view, Some(&view), batch, is_late);
                let Some(mut evaluated) = evaluated else { return Ok(Err(Outcome::TooLong)) };
                self.apply_evaluated(&mut evaluated, now)?;
                return Ok(Ok(Reply::Array(evaluated.replies)));
            }
            Step::Clear => {
                let database = Arc::clone(transaction.clear(now, mode, None)?);
                self.go_over_to(&database);
            }
            Step::Remove(_) => transaction.database().persist(mode)?,
            Step::Prepared(prepared) => {
                return Ok(match self.apply(prepared, now)? {
                    Done::Not(outcome) => Err(outcome),
                    Done::Reply(reply) => Ok(reply),
                    Done::OnCommitted => Ok(Reply::Nil),
                });
            }
            Step::Watch(..) | Step::Index(_) => {}
        }
        Ok(Ok(Reply::OK))
    }
}
