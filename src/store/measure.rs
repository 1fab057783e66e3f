//! The length of the replies to a batch, from the lengths of the values before it.

use std::collections::HashMap;

use bytes::Bytes;

use super::operation::{Operation, Verb};

/// Bytes that a reply, and each value in it, may take besides the value: its descriptor, what was
/// received before it, the trailer of DUMP, the texts of LCS.
pub(super) const BESIDE: usize = 192;
/// The longest number that is stored as a value.
const NUMBER: usize = 32;
/// The longest value of a store.
const LONGEST: usize = 512 * 1024 * 1024;

/// The keys whose values may be in the replies to `batch`, or be copied by it, each once.
pub(super) fn keys(batch: &[Operation]) -> Vec<&Bytes> {
    let copies = |verb| matches!(verb, Verb::Copy | Verb::Rename | Verb::RenameNx);
    let asking = batch.iter().filter(|it| it.values() > 0 || copies(it.verb));
    let mut keys: Vec<&Bytes> = asking.flat_map(Operation::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The most bytes that the replies to `batch` may take together, and the longest value in them.
/// `lengths` are the lengths of the values of [`keys`] before the batch.
pub(super) fn replies<'a>(
    batch: &'a [Operation],
    mut lengths: HashMap<&'a Bytes, usize>,
) -> (usize, usize) {
    let (mut sum, mut longest) = (0_usize, 0_usize);
    for operation in batch {
        sum = sum.saturating_add(BESIDE);
        if operation.values() > 0 {
            for key in operation.keys() {
                let length = lengths.get(key).copied().unwrap_or(0);
                longest = longest.max(length);
                sum = sum.saturating_add(length).saturating_add(BESIDE);
            }
        }
        grow(operation, &mut lengths);
    }
    (sum, longest)
}

/// Updates `lengths` by what `operation` may do to them.
fn grow<'a>(operation: &'a Operation, lengths: &mut HashMap<&'a Bytes, usize>) {
    let args = &operation.args;
    let number = |at: usize| {
        let text = args.get(at).and_then(|text| std::str::from_utf8(text).ok());
        text.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0).min(8 * LONGEST)
    };
    let mut at_least = |key: &'a Bytes, length: usize| {
        let known = lengths.entry(key).or_default();
        *known = (*known).max(length);
    };
    match operation.verb {
        Verb::Set if args.len() == 2 => drop(lengths.insert(&args[0], args[1].len())),
        Verb::Set | Verb::SetNx | Verb::GetSet => at_least(&args[0], args[1].len()),
        Verb::SetEx | Verb::PSetEx | Verb::Restore => at_least(&args[0], args[2].len()),
        Verb::MSet | Verb::MSetNx => {
            for pair in args.chunks_exact(2) {
                at_least(&pair[0], pair[1].len());
            }
        }
        Verb::Append => {
            let known = lengths.entry(&args[0]).or_default();
            *known = known.saturating_add(args[1].len()).min(LONGEST);
        }
        Verb::SetRange => at_least(&args[0], (number(1) + args[2].len()).min(LONGEST)),
        Verb::SetBit => at_least(&args[0], number(1) / 8 + 1),
        Verb::Incr | Verb::Decr | Verb::IncrBy | Verb::DecrBy | Verb::IncrByFloat => {
            at_least(&args[0], NUMBER);
        }
        Verb::Copy | Verb::Rename | Verb::RenameNx => {
            let length = lengths.get(&args[0]).copied().unwrap_or(0);
            let known = lengths.entry(&args[1]).or_default();
            *known = (*known).max(length);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(batch: &[(Verb, &[&'static str])], stored: &[(&'static str, usize)]) -> usize {
        let batch: Vec<Operation> = batch
            .iter()
            .map(|(verb, args)| {
                let args = args.iter().map(|arg| Bytes::from(*arg)).collect();
                Operation { verb: *verb, args }
            })
            .collect();
        let stored: Vec<_> = stored.iter().map(|(key, len)| (Bytes::from(*key), *len)).collect();
        let found = keys(&batch).len();
        assert!(found <= stored.len() + batch.len());
        let (sum, _) = replies(&batch, stored.iter().map(|(key, len)| (key, *len)).collect());
        let values: usize =
            batch.iter().filter(|it| it.values() > 0).map(|it| it.keys().count()).sum();
        sum - (values + batch.len()) * BESIDE
    }

    #[test]
    fn a_value_counts_as_often_as_it_is_asked_for() {
        let get: (Verb, &[&str]) = (Verb::Get, &["a"]);
        assert_eq!(measured(&[get; 90], &[("a", 1000)]), 90_000);
        assert_eq!(measured(&[(Verb::MGet, &["a", "b", "a"])], &[("a", 10), ("b", 1)]), 21);
    }

    #[test]
    fn what_a_transaction_writes_itself_counts_too() {
        let get: (Verb, &[&str]) = (Verb::Get, &["a"]);
        let stored = [("a", 5), ("b", 100)];
        for (write, expected) in [
            ((Verb::Append, &["a", "xyz"][..]), 8),
            ((Verb::Set, &["a", "x"]), 1),
            ((Verb::Set, &["a", "x", "NX"]), 5),
            ((Verb::MSet, &["a", "longer"]), 6),
            ((Verb::SetRange, &["a", "1000", "x"]), 1001),
            ((Verb::SetBit, &["a", "8000", "1"]), 1001),
            ((Verb::Copy, &["b", "a"]), 100),
            ((Verb::Rename, &["b", "a"]), 100),
            ((Verb::SetRange, &["a", "99999999999", "x"]), LONGEST),
        ] {
            assert_eq!(measured(&[write, get], &stored), expected, "{write:?}");
        }
    }
}
