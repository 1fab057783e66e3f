//! The keys of two sources merged into one sequence in order.

use std::iter;

use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::Entry;

/// Merges `one` and `other`. Both must be in order, and no key may be in both.
pub(crate) fn sorted(
    one: impl Iterator<Item = Result<Entry, Fault>>,
    other: impl Iterator<Item = Entry>,
) -> impl Iterator<Item = Result<Entry, Fault>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(Ok((first, _))), Some((second, _))) if first > second => other.next().map(Ok),
        (None, _) => other.next().map(Ok),
        _ => one.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_both_come_in_order() {
        let entry = |name: &'static str| (name.into(), None);
        let one = ["b", "d", "e"].map(|name| Ok(entry(name)));
        let other = ["a", "c", "f"].map(entry);
        let merged: Result<Vec<Entry>, Fault> =
            sorted(one.into_iter(), other.into_iter()).collect();
        assert_eq!(merged.expect("no fault"), ["a", "b", "c", "d", "e", "f"].map(entry));
    }
}
