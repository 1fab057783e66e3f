//! The length of the replies to a batch, from the lengths of the values before it.

use bytes::Bytes;

use crate::command::table::spec::Lengths as Rule;
use crate::store::cost::field::LONGEST_VALUE;
use crate::store::cost::lengths::{Assumed, Lengths};
use crate::store::operation::Operation;

/// Bytes that a reply, and each value in it, may take besides the value: its descriptor, what was
/// received before it, the trailer of DUMP, the texts of LCS.
pub(super) const BESIDE: usize = 192;

/// The keys whose values may be in the replies to `batch`, or be copied by it, each once.
pub(super) fn keys(batch: &[Operation]) -> Vec<&Bytes> {
    let asking = batch
        .iter()
        .filter(|it| it.values() > 0 || matches!(it.spec().lengths, Rule::Moves | Rule::Combines));
    let mut keys: Vec<&Bytes> = asking.flat_map(Operation::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The most bytes that the replies to `batch` may take together, and the longest value in them.
/// `lengths` are the lengths of the values of [`keys`] before the batch.
pub(super) fn replies<'a>(
    batch: &'a [Operation],
    lengths: impl Iterator<Item = (&'a Bytes, usize)>,
) -> (usize, usize) {
    let mut lengths = Lengths::new(lengths, Assumed { script: 0, compression: 1 });
    let (mut sum, mut longest) = (0_usize, 0_usize);
    for operation in batch {
        sum = sum.saturating_add(BESIDE);
        if operation.values() > 0 {
            for key in operation.keys() {
                let length = lengths.of(key).min(LONGEST_VALUE);
                longest = longest.max(length);
                sum = sum.saturating_add(length).saturating_add(BESIDE);
            }
        }
        lengths.follow(operation);
    }
    (sum, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(batch: &[(&str, &[&'static str])], stored: &[(&'static str, usize)]) -> usize {
        let batch: Vec<Operation> = batch
            .iter()
            .map(|(name, args)| {
                let args = args.iter().map(|arg| Bytes::from(*arg)).collect();
                Operation::named(name, args).expect("a command")
            })
            .collect();
        let stored: Vec<_> = stored.iter().map(|(key, len)| (Bytes::from(*key), *len)).collect();
        let stored = |key: &Bytes| stored.iter().find(|(it, _)| it == key).map_or(0, |it| it.1);
        let (sum, _) = replies(&batch, keys(&batch).into_iter().map(|key| (key, stored(key))));
        let values: usize =
            batch.iter().filter(|it| it.values() > 0).map(|it| it.keys().count()).sum();
        sum - (values + batch.len()) * BESIDE
    }

    #[test]
    fn a_value_counts_as_often_as_it_is_asked_for() {
        let get: (&str, &[&str]) = ("GET", &["a"]);
        assert_eq!(measured(&[get; 90], &[("a", 1000)]), 90_000);
        assert_eq!(measured(&[("MGET", &["a", "b", "a"])], &[("a", 10), ("b", 1)]), 21);
    }

    #[test]
    fn what_a_transaction_writes_itself_counts_too() {
        let get: (&str, &[&str]) = ("GET", &["a"]);
        let stored = [("a", 5), ("b", 100)];
        for (write, expected) in [
            (("APPEND", &["a", "xyz"][..]), 8),
            (("SET", &["a", "x"]), 1),
            (("SET", &["a", "x", "NX"]), 5),
            (("MSET", &["a", "longer"]), 6),
            (("SETRANGE", &["a", "1000", "x"]), 1001),
            (("SETBIT", &["a", "8000", "1"]), 1001),
            (("COPY", &["b", "a"]), 100),
            (("RENAME", &["b", "a"]), 100),
            (("SETRANGE", &["a", "99999999999", "x"]), LONGEST_VALUE),
        ] {
            assert_eq!(measured(&[write, get], &stored), expected, "{write:?}");
        }
    }
}
