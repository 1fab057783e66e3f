//! Parts of a batch: each is an operation, or the share of an operation that one slot has.

use crate::store::valkey::wire::substitute;
use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::split;
use super::split::Split;
use crate::message::Reply;
use crate::store::operation::Operation;
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;

/// The most redirections that a part follows without a wait. Nodes that do not agree yet may
/// redirect back and forth.
pub(crate) const MOST_HOPS: usize = 5;

/// An operation, or the share of it that one slot has.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) operation: Cow<'a, Operation>,
    pub(crate) slot: Slot,
    /// The operation's position in the batch.
    pub(crate) place: usize,
    /// The positions of the part's keys among the operation's keys. Empty for a whole operation.
    pub(crate) keys: Vec<usize>,
    /// The node to ask next, right after ASKING, instead of the slot's owner.
    pub(crate) detour: Option<Arc<Member>>,
    /// The number of redirections since the last wait.
    pub(crate) hops: usize,
    pub(crate) reply: Option<Reply>,
}

impl Part<'_> {
    /// Whether the part changes data.
    pub(crate) fn is_write(&self) -> bool {
        self.operation.is_write()
    }

    /// Whether the part has more than one key. While their slot moves, some keys may be on one node
    /// and some on the other.
    pub(crate) fn has_several_keys(&self) -> bool {
        let mut keys = self.operation.keys();
        keys.next().is_some_and(|first| keys.any(|key| key != first))
    }

    /// Whether the part was just redirected, and need not wait.
    pub(crate) fn is_on_its_way(&self) -> bool {
        (1..MOST_HOPS).contains(&self.hops)
    }

    /// Whether this part may be sent only after `before`, an earlier part, has its reply: `before`
    /// may be turned away alone, or it goes to another node.
    pub(crate) fn must_wait_for(&self, before: &Part<'_>) -> bool {
        let same = match (&self.detour, &before.detour) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        (before.has_several_keys() || !same) && self.conflicts_with(before)
    }

    /// Whether the order of the two parts matters.
    pub(crate) fn conflicts_with(&self, other: &Part<'_>) -> bool {
        let touches = |key: &Bytes| other.operation.keys().any(|it| it == key);
        (self.is_write() || other.is_write())
            && self.slot == other.slot
            && self.operation.keys().any(touches)
    }
}

/// The parts of a batch, in its order. Operations that `refuses` replies to are not sent.
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

/// One reply for each operation of `batch`, merged from the replies to its parts.
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
            let merged = split::merge(operation, several);
            if merged.data_len() > max_reply { substitute::too_long(max_reply) } else { merged }
        })
    };
    batch.iter().enumerate().map(|(place, operation)| of(place, operation)).collect()
}
