//! Keys from two places as one sequence in order.

use std::iter;

use super::fault::Fault;
use super::reader::Entry;

/// What `one`, which is in order, and `other` have; no key is in both.
pub(super) fn sorted(
    one: impl Iterator<Item = Result<Entry, Fault>>,
    mut other: Vec<Entry>,
) -> impl Iterator<Item = Result<Entry, Fault>> {
    other.sort_unstable();
    let (mut one, mut other) = (one.peekable(), other.into_iter().peekable());
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
        let other = ["f", "c", "a"].map(entry).to_vec();
        let merged: Result<Vec<Entry>, Fault> = sorted(one.into_iter(), other).collect();
        assert_eq!(merged.expect("no fault"), ["a", "b", "c", "d", "e", "f"].map(entry));
    }
}
