//! The evaluation of a transaction on data that does not change: its replies and its changes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fjall::Slice;

use super::draft::{Draft, Step};
use super::whole::Whole;
use crate::command::table::spec::Own;
use crate::message::Reply;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::change::observer::Observer;
use crate::store::embedded::change::watch::Watch;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::read::snapshot::View;
use crate::store::embedded::types::editor::{Editor, Target};
use crate::store::embedded::types::weight::{is_whole, looks_at_all};
use crate::store::embedded::types::writes;
use crate::store::operation::Operation;

/// The most bytes that one transaction changes, besides its last value.
const MAX_TRANSACTION: usize = 256 * 1024 * 1024;
/// The context of a transaction.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) shared: &'a Shared,
    /// The moment, in Unix milliseconds.
    pub(crate) now: u64,
    pub(crate) user: Option<u32>,
}

/// The result of an evaluation.
pub(crate) struct Evaluated {
    /// One reply for each operation.
    pub(crate) replies: Vec<Reply>,
    pub(crate) steps: Vec<Step>,
    /// The replies are valid until this moment, in Unix milliseconds.
    pub(crate) expires: u64,
    len: usize,
    /// Whether the transaction asks for a save, see [`Own::BgSave`].
    pub(crate) saves: bool,
}

/// A transaction that was evaluated beside the writer. The writer applies it.
pub(crate) struct Prepared {
    /// The watch of the client.
    pub(crate) watch: Option<Watch>,
    pub(crate) evaluated: Evaluated,
    pub(crate) observer: Arc<Observer>,
    /// The processor time of the evaluation.
    pub(crate) took: Duration,
}

impl Evaluated {
    /// Whether the transaction only removes keys.
    pub(crate) fn only_removes(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step, Step::Put(..) | Step::Set(..)))
    }

    /// Whether the transaction begins with the removal of all keys of the store.
    pub(crate) fn clears_all(&self) -> bool {
        self.steps.first() == Some(&Step::ClearAll)
    }
}

impl Prepared {
    /// About the bytes of the changes and replies.
    pub(crate) fn len(&self) -> usize {
        self.evaluated.len
    }

    /// Whether the changes may be applied to the committed data: no key that the transaction read
    /// has changed.
    pub(crate) fn is_right(&self, now: u64) -> bool {
        !self.observer.is_broken() && self.evaluated.expires > now
    }
}

/// Evaluates `batch` on `base`. `view` is the committed data if `base` contains nothing else;
/// operations on a whole key space need it. Returns `None` if the evaluation was stopped.
pub(crate) fn evaluate(
    setting: Setting<'_>,
    base: &dyn Source,
    view: Option<&View<'_>>,
    batch: &[Operation],
    is_stopped: impl Fn() -> bool,
) -> Option<Evaluated> {
    let Setting { scope, shared, now, user } = setting;
    let mut draft = Draft::new(base, now);
    let (mut replies, mut read, mut saves) = (Vec::with_capacity(batch.len()), 0_usize, false);
    for operation in batch {
        if is_stopped() {
            return None;
        }
        let (own, is_read) = (operation.own(), !operation.is_write());
        let reply = if is_read && let Err(error) = scope.check_len(read, "") {
            Reply::Error(error)
        } else if own == Own::Save {
            Reply::failed("SAVE is not possible in a transaction")
        } else if own == Own::BgSave {
            let reply = refusal::save_options(&operation.args);
            saves = saves || reply.is_ok();
            reply.unwrap_or_else(Reply::Error)
        } else if draft.len() > MAX_TRANSACTION && !is_read {
            Reply::failed(format!("transaction longer than {MAX_TRANSACTION} bytes"))
        } else if let Some(view) = view.filter(|_| is_whole(operation) && own != Own::Scan) {
            let whole = Whole { draft: &mut draft, view, scope, now }.execute(operation);
            whole.unwrap_or_else(Reply::Error)
        } else {
            let Shared { cursors, saved, .. } = shared;
            let target = Target(&mut draft);
            let mut editor = Editor { target, scope, cursors, saved, now, user };
            writes::execute(&mut editor, operation)
        };
        read += reply.data_len();
        replies.push(reply);
    }
    let len = draft.len() + 64 * replies.len();
    let (steps, expires) = draft.into_parts();
    Some(Evaluated { replies, steps, expires, len, saves })
}

/// The reason why an evaluation was stopped.
pub(crate) enum Stopped {
    /// The evaluation took too long, or the client is gone.
    Late,
    /// The watch of the client is broken.
    Watch,
    /// The database is being opened again.
    Closed,
}

/// Evaluates `batch` on the committed data, beside the writer.
pub(crate) fn prepare(
    setting: (&Scope, &Shared, Option<u32>),
    watch: Option<Watch>,
    batch: &[Operation],
    is_stopped: impl Fn() -> bool,
) -> Result<Prepared, Stopped> {
    let (scope, shared, user) = setting;
    let begun = processor_time();
    let now = shared.clock.now();
    let keys = batch.iter().flat_map(Operation::keys);
    let keys: HashSet<Slice> = keys.filter_map(|key| scope.stored(key)).collect();
    let key_space = looks_at_all(batch).then(|| scope.stored_prefix.clone());
    let observer = Arc::new(Observer::new(keys, key_space, now));
    shared.observers.add(&observer);
    let epoch = shared.cache.epoch();
    // Taken after the observer is registered: a later change of the database is told to the
    // observers.
    let database = shared.database().ok_or(Stopped::Closed)?;
    let view = View::new(&database, scope, shared, epoch);
    // A later change of a watched key comes after the snapshot.
    if watch.as_ref().is_some_and(|watch| watch.is_broken(now)) {
        return Err(Stopped::Watch);
    }
    let setting = Setting { scope, shared, now, user };
    let evaluated = evaluate(setting, &view, Some(&view), batch, is_stopped);
    let evaluated = evaluated.ok_or(Stopped::Late)?;
    Ok(Prepared { watch, evaluated, observer, took: processor_time().saturating_sub(begun) })
}

/// The processor time of this thread. It does not depend on the load of other threads.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
