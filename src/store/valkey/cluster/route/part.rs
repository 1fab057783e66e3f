//! Operations on their way: parts of a batch, each of one slot.

use crate::store::valkey::wire::substitute;
use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::split;
use super::split::Split;
use crate::message::Reply;
use crate::store::operation::{Effect, Operation};
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;

/// How often a part is sent elsewhere without a wait: servers that do not agree yet send it to and
/// fro.
pub(crate) const MOST_HOPS: usize = 5;

/// An operation, or what one slot does of it.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) operation: Cow<'a, Operation>,
    pub(crate) slot: Slot,
    /// The operation's place in the batch.
    pub(crate) place: usize,
    /// Which of the operation's keys these are, where it goes in parts.
    pub(crate) keys: Vec<usize>,
    /// Who is to be asked next, right after ASKING, in the place of who serves the slot.
    pub(crate) detour: Option<Arc<Member>>,
    /// How often it was sent elsewhere.
    pub(crate) hops: usize,
    pub(crate) reply: Option<Reply>,
}

impl Part<'_> {
    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        self.operation.verb.effect() != Effect::Read
    }

    /// Whether it depends on more than one key: while their slot is on its way to another server,
    /// some may be here and others there.
    pub(crate) fn has_several_keys(&self) -> bool {
        let mut keys = self.operation.keys();
        keys.next().is_some_and(|first| keys.any(|key| key != first))
    }

    /// Whether it was just sent elsewhere, where it need not wait.
    pub(crate) fn is_on_its_way(&self) -> bool {
        (1..MOST_HOPS).contains(&self.hops)
    }

    /// Whether it may only be sent once `before`, which comes before it, has its reply: that one may be
    /// turned away where this one is not, or goes another way.
    pub(crate) fn must_wait_for(&self, before: &Part<'_>) -> bool {
        let same = match (&self.detour, &before.detour) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        (before.has_several_keys() || !same) && self.conflicts_with(before)
    }

    /// Whether their order matters.
    pub(crate) fn conflicts_with(&self, other: &Part<'_>) -> bool {
        let touches = |key: &Bytes| other.operation.keys().any(|it| it == key);
        (self.is_write() || other.is_write())
            && self.slot == other.slot
            && self.operation.keys().any(touches)
    }
}

/// The parts of a batch, in its order. What `refuses` gives a reply to is not sent.
pub(crate) fn of<'a>(
    prefix: &Prefix,
    batch: &'a [Operation],
    refuses: impl Fn(&Operation) -> Option<Reply>,
) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(batch.len());
    for (place, operation) in batch.iter().enumerate() {
        let mut add = |operation, slot, keys, reply| {
            parts.push(Part { operation, slot, place, keys, detour: None, hops: 0, reply });
        };
        let split = match refuses(operation) {
            Some(refusal) => Split::Refused(refusal),
            None => split::split(prefix, operation),
        };
        match split {
            Split::Whole(slot) => add(Cow::Borrowed(operation), slot, Vec::new(), None),
            Split::Parts(several) => {
                for it in several {
                    add(Cow::Owned(it.operation), it.slot, it.places, None);
                }
            }
            Split::Refused(refusal) => {
                add(Cow::Borrowed(operation), Slot::ANY, Vec::new(), Some(refusal));
            }
        }
    }
    parts
}

/// One reply for each operation of `batch`, from those to its parts.
pub(crate) fn replies(batch: &[Operation], parts: Vec<Part<'_>>, max_reply: usize) -> Vec<Reply> {
    let mut parts = parts.into_iter().peekable();
    let mut of = |place, operation: &Operation| {
        let (mut several, mut whole) = (Vec::new(), None);
        while let Some(part) = parts.next_if(|part| part.place == place) {
            let reply = part.reply.unwrap_or_else(reply::unexpected);
            if part.keys.is_empty() {
                whole = Some(reply);
            } else {
                several.push((part.keys, reply));
            }
        }
        whole.unwrap_or_else(|| {
            let merged = split::merge(operation.verb, several);
            if merged.data_len() > max_reply { substitute::too_long(max_reply) } else { merged }
        })
    };
    batch.iter().enumerate().map(|(place, operation)| of(place, operation)).collect()
}
