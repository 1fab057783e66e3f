//! A transaction evaluated on data that stays as it is: what it replies, and what it would change.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fjall::Slice;

use super::draft::{Draft, Step};
use super::whole::Whole;
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
use crate::store::operation::{Effect, Operation, Verb};

/// Bytes that one transaction changes, at most, and one value besides.
const MAX_TRANSACTION: usize = 256 * 1024 * 1024;
/// Whose transaction it is, and when.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) shared: &'a Shared,
    /// Unix milliseconds.
    pub(crate) now: u64,
    pub(crate) user: Option<u32>,
}

/// What a transaction comes to.
pub(crate) struct Evaluated {
    /// One for each operation.
    pub(crate) replies: Vec<Reply>,
    pub(crate) steps: Vec<Step>,
    /// The replies are right until then, in Unix milliseconds.
    pub(crate) expires: u64,
    len: usize,
    /// Whether it asks to save, see [`Verb::BgSave`].
    pub(crate) saves: bool,
}

/// A transaction that was evaluated beside the writer, for the writer to apply.
pub(crate) struct Prepared {
    /// What the client itself watches.
    pub(crate) watch: Option<Watch>,
    pub(crate) evaluated: Evaluated,
    pub(crate) observer: Arc<Observer>,
    /// How long it took the processor.
    pub(crate) took: Duration,
}

impl Evaluated {
    /// Whether it stores nothing.
    pub(crate) fn only_removes(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step, Step::Put(..) | Step::Set(..)))
    }

    /// Whether it removes all keys of the store at first.
    pub(crate) fn clears_all(&self) -> bool {
        self.steps.first() == Some(&Step::ClearAll)
    }
}

impl Prepared {
    /// Bytes of it, about.
    pub(crate) fn len(&self) -> usize {
        self.evaluated.len
    }

    /// Whether it may be applied to what is committed.
    pub(crate) fn is_right(&self, now: u64) -> bool {
        !self.observer.is_broken() && self.evaluated.expires > now
    }
}

/// Evaluates `batch` on `base`; `view` is what is committed, if nothing else is in `base`, and
/// operations on a whole key space need it. None if it was stopped.
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
        let verb = operation.verb;
        let is_read = verb.effect() == Effect::Read;
        let reply = if is_read && let Err(error) = scope.check_len(read, "") {
            Reply::Error(error)
        } else if verb == Verb::Save {
            Reply::failed("SAVE is not possible in a transaction")
        } else if verb == Verb::BgSave {
            let reply = refusal::save_options(&operation.args);
            saves = saves || reply.is_ok();
            reply.unwrap_or_else(Reply::Error)
        } else if draft.len() > MAX_TRANSACTION && !is_read {
            Reply::failed(format!("transaction longer than {MAX_TRANSACTION} bytes"))
        } else if let Some(view) = view.filter(|_| is_whole(verb) && verb != Verb::Scan) {
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

/// Why a transaction was not evaluated beside the writer.
pub(crate) enum Stopped {
    /// It takes too long, or nobody waits for it any more.
    Late,
    /// The client's own watch is broken.
    Watch,
    /// The database is opened again.
    Closed,
}

/// Evaluates `batch` on what is committed now, beside the writer.
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
    // Only now, since whoever publishes another one tells the observers.
    let database = shared.database().ok_or(Stopped::Closed)?;
    let view = View::new(&database, scope, shared, epoch);
    // Whatever breaks it later comes later than the snapshot.
    if watch.as_ref().is_some_and(|watch| watch.is_broken(now)) {
        return Err(Stopped::Watch);
    }
    let setting = Setting { scope, shared, now, user };
    let evaluated = evaluate(setting, &view, Some(&view), batch, is_stopped);
    let evaluated = evaluated.ok_or(Stopped::Late)?;
    Ok(Prepared { watch, evaluated, observer, took: processor_time().saturating_sub(begun) })
}

/// What this thread has taken of the processors, which does not depend on what others do.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
