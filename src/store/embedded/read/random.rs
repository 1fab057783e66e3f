//! `RANDOMKEY`: a key near a random place, in a bounded number of steps.
//!
//! Every key can be found, but not with the same probability: a key that is far from its neighbours
//! is found more often.

use bytes::Bytes;
use fjall::{Guard, Iter};

use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::expiry_of;

/// The most live keys that are passed from the random place on.
const MAX_STEPS: usize = 32;
/// The most keys that are looked at in one direction, including expired keys.
const MAX_LOOKS: usize = 1_000;

/// A live stored key out of `all`; `None` if there is none, or too many keys have expired. `range`
/// returns the keys from its first argument up to its second.
pub(crate) fn key(
    mut all: Iter,
    range: impl Fn(Vec<u8>, Option<Vec<u8>>) -> Iter,
    belongs: impl Fn(&[u8]) -> bool,
    now: u64,
) -> Result<Option<Bytes>, Fault> {
    let Some(first) = all.next().map(Guard::key).transpose()? else { return Ok(None) };
    let last = all.next_back().map(Guard::key).transpose()?.unwrap_or_else(|| first.clone());
    let place = between(&first, &last, rand::random());
    let after = || range(place.clone(), None);
    let before = || range(first.to_vec(), Some(place.clone())).rev();
    let steps = rand::random_range(0..=MAX_STEPS);
    let found = if rand::random() {
        let found = walk(after(), steps, &belongs, now)?;
        if found.is_none() { walk(before(), steps, &belongs, now)? } else { found }
    } else {
        let found = walk(before(), steps, &belongs, now)?;
        if found.is_none() { walk(after(), steps, &belongs, now)? } else { found }
    };
    Ok(found)
}

/// One of `names`.
pub(crate) fn choose(mut names: Vec<Bytes>) -> Option<Bytes> {
    if names.is_empty() {
        return None;
    }
    let place = rand::random_range(0..names.len());
    Some(names.swap_remove(place))
}

/// The live key after `steps` live keys, or the last live key before that.
fn walk(
    keys: impl Iterator<Item = Guard>,
    steps: usize,
    belongs: impl Fn(&[u8]) -> bool,
    now: u64,
) -> Result<Option<Bytes>, Fault> {
    let (mut found, mut passed) = (None, 0);
    for entry in keys.take(MAX_LOOKS) {
        let (stored, record) = entry.into_inner()?;
        if !belongs(&stored) {
            break;
        }
        if expiry_of(&record)?.is_some_and(|expires| expires <= now) {
            continue;
        }
        found = Some(Bytes::copy_from_slice(&stored));
        if passed == steps {
            break;
        }
        passed += 1;
    }
    Ok(found)
}

/// A byte string between `first` and about `last`, evenly distributed by the first eight bytes in
/// which they differ.
fn between(first: &[u8], last: &[u8], random: u64) -> Vec<u8> {
    let common = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let number = |key: &[u8], filler: u8| {
        let rest = key[common..].iter().copied().chain(std::iter::repeat(filler));
        rest.take(8).fold(0_u64, |number, byte| number << 8 | u64::from(byte))
    };
    let (low, high) = (number(first, 0), number(last, 0xff));
    let span = u128::from(high - low) + 1;
    let offset = u64::try_from(u128::from(random) % span).unwrap_or_default();
    [&first[..common], &(low + offset).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn places_lie_between_the_first_and_the_last() {
        for random in [0, 1, u64::MAX / 3, u64::MAX] {
            let place = between(b"kuser:1", b"kuser:9", random);
            assert!(place[..] >= b"kuser:1"[..] && place.starts_with(b"kuser:"), "{place:?}");
            assert!(place[6] <= b'9', "{place:?}");
            assert!(between(b"k", b"k", random).starts_with(b"k"));
        }
    }
}
