//! Splits an operation by the slots of its keys, and merges the replies.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::command::table::places::Place;
use crate::command::table::spec::{Merge, Route};
use crate::message::{Args, ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cluster::slot::Slot;
use crate::store::valkey::keys::prefix::{Prefix, StoredKey};
use crate::store::valkey::keys::reply;

/// Where an operation goes.
#[derive(Debug, PartialEq)]
pub(crate) enum Split {
    /// To one slot.
    Whole(Slot),
    /// To several slots, in parts.
    Parts(Vec<SlotPart>),
    /// Nowhere: the operation cannot be carried out.
    Refused(Reply),
}

/// The part of an operation for one slot.
#[derive(Debug, PartialEq)]
pub(crate) struct SlotPart {
    pub(crate) slot: Slot,
    pub(crate) operation: Operation,
    /// The positions of the part's keys among the operation's keys, counted from 0.
    pub(crate) places: Vec<usize>,
}

/// The error for keys of several slots in an operation that needs one slot.
pub(crate) fn cross_slot() -> Reply {
    Reply::coded("CROSSSLOT Keys in request don't hash to the same slot")
}

/// The slot of a client's key.
pub(crate) fn slot_of(prefix: &Prefix, key: &[u8]) -> Slot {
    Slot::of(prefix.stored_in(key, &mut StoredKey::new()))
}

/// The slot of all `keys`; `None` without keys.
///
/// # Errors
///
/// The reply, if the keys are in several slots.
pub(crate) fn one_slot<'a>(
    prefix: &Prefix,
    keys: impl IntoIterator<Item = &'a Bytes>,
) -> Result<Option<Slot>, Reply> {
    let mut slots = keys.into_iter().map(|key| slot_of(prefix, key));
    let Some(first) = slots.next() else { return Ok(None) };
    if slots.all(|slot| slot == first) { Ok(Some(first)) } else { Err(cross_slot()) }
}

/// Splits `operation`.
pub(crate) fn split(prefix: &Prefix, operation: &Operation) -> Split {
    if let Err(error) = operation.positions() {
        return Split::Refused(Reply::Error(error));
    }
    let refusal = match one_slot(prefix, operation.keys()) {
        Ok(slot) => return Split::Whole(slot.unwrap_or(Slot::ANY)),
        Err(refusal) => refusal,
    };
    let (Route::Split(_), &[Place::Range { step: words, .. }]) =
        (operation.spec().route, operation.spec().places)
    else {
        return Split::Refused(refusal);
    };
    let (command, args) = (operation.command, &operation.args);
    let mut parts: BTreeMap<Slot, SlotPart> = BTreeMap::new();
    for (place, words) in args.chunks(words).enumerate() {
        let slot = slot_of(prefix, &words[0]);
        let part = parts.entry(slot).or_insert_with(|| {
            let operation = Operation { command, args: Args::new() };
            SlotPart { slot, operation, places: Vec::new() }
        });
        part.operation.args.extend(words.iter().cloned());
        part.places.push(place);
    }
    Split::Parts(parts.into_values().collect())
}

/// The reply to an operation, from the replies to its parts. Each comes with the positions of the
/// part's keys.
pub(crate) fn merge(operation: &Operation, parts: Vec<(Vec<usize>, Reply)>) -> Reply {
    if let Some(error) = failure(operation, &parts) {
        return error;
    }
    match operation.spec().route {
        Route::Split(Merge::Places) => {
            let count = parts.iter().map(|(places, _)| places.len()).sum();
            let mut values = vec![None; count];
            for (places, reply) in parts {
                let Reply::List(found) = reply else { return reply::unexpected() };
                for (place, value) in places.iter().zip(found) {
                    values[*place] = value;
                }
            }
            Reply::List(values)
        }
        Route::Split(Merge::Same) => {
            parts.into_iter().next().map_or_else(reply::unexpected, |(_, reply)| reply)
        }
        _ => {
            let numbers = parts.iter().map(|(_, reply)| match reply {
                Reply::Integer(number) => Some(number),
                _ => None,
            });
            numbers.sum::<Option<i64>>().map_or_else(reply::unexpected, Reply::Integer)
        }
    }
}

/// The error, if a part has failed. A write counts as not done only if none of its parts was done.
/// If some parts were done, its outcome is unknown.
fn failure(operation: &Operation, parts: &[(Vec<usize>, Reply)]) -> Option<Reply> {
    let errors = || {
        parts.iter().filter_map(|(_, reply)| match reply {
            Reply::Error(error) => Some(error),
            _ => None,
        })
    };
    let is_unavailable = |error: &ErrorReply| matches!(error, ErrorReply::Unavailable(_));
    let first = errors().next()?.clone();
    let is_unknown = errors().any(|error| matches!(error, ErrorReply::OutcomeUnknown(_)));
    let is_partial = errors().any(is_unavailable)
        && !parts
            .iter()
            .all(|(_, reply)| matches!(reply, Reply::Error(error) if is_unavailable(error)));
    if operation.is_write() && (is_unknown || is_partial) {
        return Some(Reply::Error(ErrorReply::OutcomeUnknown(operation.name())));
    }
    Some(Reply::Error(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(name: &str, args: &[&'static str]) -> Operation {
        let args = args.iter().map(|arg| Bytes::from(*arg)).collect();
        Operation::named(name, args).expect("a command")
    }

    fn parts(name: &str, args: &[&'static str]) -> Vec<(Operation, Vec<usize>)> {
        match split(&Prefix::new(Bytes::new()), &operation(name, args)) {
            Split::Parts(parts) => parts.into_iter().map(|it| (it.operation, it.places)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_of_several_slots_go_in_parts() {
        // a is in slot 15495, b in 3300, {b}2 with it.
        assert_eq!(
            parts("MGET", &["a", "b", "{b}2", "a"]),
            [
                (operation("MGET", &["b", "{b}2"]), vec![1, 2]),
                (operation("MGET", &["a", "a"]), vec![0, 3]),
            ]
        );
        assert_eq!(
            parts("MSET", &["a", "1", "b", "2", "{b}2", "3"]),
            [
                (operation("MSET", &["b", "2", "{b}2", "3"]), vec![1, 2]),
                (operation("MSET", &["a", "1"]), vec![0]),
            ]
        );
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        let prefix = |text: &'static str| Prefix::new(Bytes::from(text));
        for (name, args) in [
            ("MSETNX", &["a", "1", "b", "2"][..]),
            ("RENAME", &["a", "b"]),
            ("COPY", &["a", "b"]),
            ("LCS", &["a", "b"]),
        ] {
            let operation = operation(name, args);
            assert_eq!(split(&prefix(""), &operation), Split::Refused(cross_slot()), "{name}");
            // A prefix with a tag keeps all keys together.
            let together = Split::Whole(Slot::of(b"all"));
            assert_eq!(split(&prefix("{all}:"), &operation), together, "{name}");
        }
        let odd = split(&prefix(""), &operation("MSET", &["a", "1", "b"]));
        let text = "wrong number of arguments for 'mset' command";
        assert_eq!(odd, Split::Refused(Reply::failed(text)));
    }

    #[test]
    fn replies_are_put_together_in_the_order_of_the_keys() {
        let list = |values: &[&'static str]| {
            Reply::List(values.iter().map(|value| Some(Bytes::from(*value))).collect())
        };
        let merged = merge(
            &operation("MGET", &[]),
            vec![(vec![1, 2], list(&["y", "z"])), (vec![0], list(&["x"]))],
        );
        assert_eq!(merged, list(&["x", "y", "z"]));
        let merged = merge(
            &operation("DEL", &[]),
            vec![(vec![1], Reply::Integer(1)), (vec![0], Reply::Integer(2))],
        );
        assert_eq!(merged, Reply::Integer(3));
        assert_eq!(
            merge(&operation("MSET", &[]), vec![(vec![0], Reply::OK), (vec![1], Reply::OK)]),
            Reply::OK
        );
    }

    #[test]
    fn a_write_that_is_done_in_part_is_of_unknown_outcome() {
        let away = || Reply::Error(ErrorReply::Unavailable("away".into()));
        let unknown = |name| Reply::Error(ErrorReply::OutcomeUnknown(name));
        let of = |name, first, second| {
            merge(&operation(name, &[]), vec![(vec![0], first), (vec![1], second)])
        };
        assert_eq!(of("DEL", Reply::Integer(1), away()), unknown("DEL"));
        assert_eq!(of("MSET", away(), unknown("MSET")), unknown("MSET"));
        assert_eq!(of("MSET", away(), Reply::coded("OOM x")), unknown("MSET"));
        assert_eq!(of("MSET", Reply::OK, Reply::coded("OOM x")), Reply::coded("OOM x"));
        assert_eq!(of("MSET", away(), away()), away());
        assert_eq!(of("MGET", Reply::List(vec![None]), away()), away());
    }
}
