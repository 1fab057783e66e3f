//! The places of keys among a command's arguments, and the function that finds them.

use bytes::Bytes;

/// Where some of a command's keys stand. Arguments are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A key at `first` and at each further `step` up to `last`, which counts from the end if it is
    /// negative. The steps must be complete.
    Range {
        /// The first key.
        first: usize,
        /// The last argument of the range.
        last: isize,
        /// The distance between two keys.
        step: usize,
    },
    /// As many keys after the argument at this position as the number in that argument.
    Counted(usize),
}

/// The first argument.
pub(super) const FIRST: &[Place] = &[Place::Range { first: 0, last: 0, step: 1 }];
/// The first two arguments.
pub(super) const FIRST_TWO: &[Place] = &[Place::Range { first: 0, last: 1, step: 1 }];
/// All arguments.
pub(super) const ALL: &[Place] = &[Place::Range { first: 0, last: -1, step: 1 }];
/// All arguments but the first.
pub(super) const REST: &[Place] = &[Place::Range { first: 1, last: -1, step: 1 }];
/// The first argument of each pair.
pub(super) const PAIRED: &[Place] = &[Place::Range { first: 0, last: -1, step: 2 }];
/// As many arguments after the second as the number in the second.
pub(super) const COUNTED: &[Place] = &[Place::Counted(1)];

/// Why the places of keys are unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// The arguments end within a range or before it.
    Incomplete,
    /// The number of keys is no number.
    NoNumber,
    /// The number of keys is negative.
    Negative,
    /// There are fewer arguments than keys.
    TooFew,
}

/// The most places that one command has.
const MOST: usize = 2;

/// The positions of the keys in one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Positions([Span; MOST]);

/// Positions from `start` to before `end`, at a distance of `step`.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
    step: usize,
}

impl Positions {
    /// Finds the keys among `args`.
    ///
    /// # Errors
    ///
    /// The arguments do not have the form that `places` describe.
    pub(crate) fn find(places: &[Place], args: &[Bytes]) -> Result<Positions, Misplaced> {
        let mut positions = Positions::default();
        for (span, place) in positions.0.iter_mut().zip(places) {
            *span = match *place {
                Place::Range { first, last, step } => range(args.len(), first, last, step)?,
                Place::Counted(at) => counted(args, at)?,
            };
        }
        Ok(positions)
    }

    /// Whether the argument at `position` is a key.
    pub(crate) fn include(&self, position: usize) -> bool {
        self.0.iter().any(|span| span.includes(position))
    }
}

impl Span {
    fn includes(&self, position: usize) -> bool {
        (self.start..self.end).contains(&position)
            && (self.step == 1 || (position - self.start).is_multiple_of(self.step))
    }
}

fn range(count: usize, first: usize, last: isize, step: usize) -> Result<Span, Misplaced> {
    let end = if last < 0 {
        (count + 1).checked_sub(last.unsigned_abs()).ok_or(Misplaced::Incomplete)?
    } else {
        last.unsigned_abs() + 1
    };
    let is_complete =
        first < end && end <= count && (step == 1 || (end - first).is_multiple_of(step));
    if is_complete { Ok(Span { start: first, end, step }) } else { Err(Misplaced::Incomplete) }
}

fn counted(args: &[Bytes], at: usize) -> Result<Span, Misplaced> {
    let text = args.get(at).ok_or(Misplaced::Incomplete)?;
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    // Servers take no sign before a positive number and no zero before a digit.
    let number = number.filter(|number| number.to_string().as_bytes() == text);
    let number = number.ok_or(Misplaced::NoNumber)?;
    let keys = usize::try_from(number).map_err(|_| Misplaced::Negative)?;
    if keys > args.len() - at - 1 {
        return Err(Misplaced::TooFew);
    }
    Ok(Span { start: at + 1, end: at + 1 + keys, step: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(places: &[Place], words: &str) -> Result<Vec<usize>, Misplaced> {
        let args: Vec<Bytes> =
            words.split_whitespace().map(|it| Bytes::from(it.to_owned())).collect();
        let positions = Positions::find(places, &args)?;
        Ok((0..args.len()).filter(|position| positions.include(*position)).collect())
    }

    #[test]
    fn keys_stand_in_ranges_and_after_their_number() {
        assert_eq!(found(&[], "a b"), Ok(vec![]));
        assert_eq!(found(FIRST, "k v"), Ok(vec![0]));
        assert_eq!(found(FIRST_TWO, "a b REPLACE"), Ok(vec![0, 1]));
        assert_eq!(found(ALL, "a b c"), Ok(vec![0, 1, 2]));
        assert_eq!(found(REST, "AND to a b"), Ok(vec![1, 2, 3]));
        assert_eq!(found(PAIRED, "a 1 b 2"), Ok(vec![0, 2]));
        assert_eq!(found(COUNTED, "script 2 a b c"), Ok(vec![2, 3]));
        assert_eq!(found(COUNTED, "script 0 a"), Ok(vec![]));
        let destination = Place::Range { first: 0, last: 0, step: 1 };
        assert_eq!(found(&[destination, Place::Counted(1)], "to 2 a b x"), Ok(vec![0, 2, 3]));
    }

    #[test]
    fn what_does_not_parse_has_no_keys() {
        for (places, words, expected) in [
            (FIRST, "", Misplaced::Incomplete),
            (FIRST_TWO, "a", Misplaced::Incomplete),
            (ALL, "", Misplaced::Incomplete),
            (REST, "AND", Misplaced::Incomplete),
            (PAIRED, "a 1 b", Misplaced::Incomplete),
            (COUNTED, "script", Misplaced::Incomplete),
            (COUNTED, "script x a", Misplaced::NoNumber),
            (COUNTED, "script +1 a", Misplaced::NoNumber),
            (COUNTED, "script 01 a", Misplaced::NoNumber),
            (COUNTED, "script -1 a", Misplaced::Negative),
            (COUNTED, "script 2 a", Misplaced::TooFew),
            (COUNTED, "script 9223372036854775807 a", Misplaced::TooFew),
        ] {
            assert_eq!(found(places, words), Err(expected), "{words}");
        }
    }
}
