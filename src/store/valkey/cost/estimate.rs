//! An upper bound on how long a server needs for the expensive operations of a transaction, in
//! which it serves nobody else, from the lengths that the values have before.

use bytes::Bytes;

use crate::command::table::spec::{Cost, Lengths as Rule};
use crate::message::ErrorReply;
use crate::store::cost::bound::growth_error;
use crate::store::cost::lengths::{Assumed, Lengths};
use crate::store::operation::Operation;

/// Pairs of places that one LCS may compare: a server needs up to 12 ns for each, and 4 bytes of
/// memory. It serves nobody else meanwhile.
const MOST_PAIRS: usize = 8 * 1024 * 1024;
/// Nanoseconds that a server needs for one of them.
const PAIR: usize = 12;
/// Picoseconds that a server needs to read one byte of a value: 64 MiB take 25 ms.
const READ: usize = 400;
/// The same to copy one, or to make one, which takes up to four times as long.
const COPY: usize = 1600;
/// Nanoseconds that the expensive operations of one transaction may take.
const MOST_TIME: usize = 200_000_000;
/// Keys whose lengths are asked for: they are watched, whose cost grows with the square.
const MOST_KEYS: usize = 1000;
/// How many times as long as what DUMP gave a value can be.
const COMPRESSION: usize = 100;

/// The keys whose lengths have to be known: none if nothing in `batch` is expensive, nor
/// `may_outgrow` what a value may be.
///
/// # Errors
///
/// There are too many.
pub(crate) fn keys<'a>(
    batch: impl Iterator<Item = &'a Operation> + Clone,
    may_outgrow: impl Fn(&Operation) -> bool,
) -> Result<Vec<&'a Bytes>, ErrorReply> {
    let is_expensive = |operation: &&Operation| {
        let is_large = operation.spec().cost != Cost::Small && operation.is_expensive();
        is_large || may_outgrow(operation)
    };
    if !batch.clone().any(|operation| is_expensive(&operation)) {
        return Ok(Vec::new());
    }
    let moves = |operation: &Operation| operation.spec().lengths == Rule::Moves;
    let wanted = batch.filter(|operation| is_expensive(operation) || moves(operation));
    let mut keys: Vec<&Bytes> = wanted.flat_map(Operation::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > MOST_KEYS {
        let text = format!(
            "transaction too expensive for the store: commands like LCS, BITCOUNT and COPY on more \
             than {MOST_KEYS} keys"
        );
        return Err(ErrorReply::Failed(text.into()));
    }
    Ok(keys)
}

/// Follows the lengths of values through a transaction.
#[derive(Debug)]
pub(crate) struct Estimate<'a> {
    /// Those of the keys that are asked for.
    lengths: Lengths<'a>,
    /// Picoseconds.
    time: usize,
    /// The longest that a value may be.
    limit: usize,
}

impl<'a> Estimate<'a> {
    /// Begins with the lengths as they are before; no value may become longer than `limit`.
    pub(crate) fn new(
        lengths: impl Iterator<Item = (&'a Bytes, usize)>,
        limit: usize,
    ) -> Estimate<'a> {
        let assumed = Assumed { script: usize::MAX, compression: COMPRESSION };
        Estimate { lengths: Lengths::new(lengths, assumed), time: 0, limit }
    }

    /// Whether a server may be asked for all of `batch` at once.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn admit<'b>(
        mut self,
        batch: impl Iterator<Item = &'b Operation>,
    ) -> Result<(), ErrorReply> {
        for operation in batch {
            self.count(operation)?;
            self.lengths.follow(operation);
            if matches!(operation.spec().lengths, Rule::Appends(_))
                && let Some(error) = growth_error(self.lengths.of(&operation.args[0]), self.limit)
            {
                return Err(error);
            }
            if self.time / 1000 > MOST_TIME {
                let text = "transaction too expensive for the store: send it in parts";
                return Err(ErrorReply::Failed(text.into()));
            }
        }
        Ok(())
    }

    /// Counts the time of one operation.
    fn count(&mut self, operation: &Operation) -> Result<(), ErrorReply> {
        let lengths: Vec<usize> = operation.keys().map(|key| self.lengths.of(key)).collect();
        let first = lengths.first().copied().unwrap_or(0);
        let time = match operation.spec().cost {
            Cost::Small => 0,
            Cost::Reads => first.saturating_mul(READ),
            Cost::Unpacks => {
                operation.args.get(2).map_or(0, Bytes::len).saturating_mul(COMPRESSION * READ)
            }
            Cost::Combines => {
                let (sum, longest) =
                    lengths.iter().skip(1).fold((0_usize, 0), |(sum, longest), it| {
                        (sum.saturating_add(*it), (*it).max(longest))
                    });
                sum.saturating_mul(READ).saturating_add(longest.saturating_mul(COPY))
            }
            Cost::Copies => first.saturating_mul(COPY),
            Cost::Grows => {
                operation.reach().unwrap_or(0).saturating_sub(first).saturating_mul(COPY)
            }
            Cost::Product => {
                let second = lengths.get(1).copied().unwrap_or(0);
                let pairs = first.saturating_mul(second);
                if pairs > MOST_PAIRS {
                    let text = format!(
                        "LCS too expensive for the store: values of {first} and {second} bytes, \
                         whose product may be {MOST_PAIRS}"
                    );
                    return Err(ErrorReply::Failed(text.into()));
                }
                pairs.saturating_mul(PAIR * 1000)
            }
        };
        self.time = self.time.saturating_add(time);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lines: &[&str]) -> Vec<Operation> {
        let operation = |line: &&str| {
            let mut words = line.split(' ').map(|word| Bytes::from(word.to_owned()));
            let name = words.next().expect("a name");
            let name = std::str::from_utf8(&name).expect("letters");
            Operation::named(name, words.collect()).expect("a command")
        };
        lines.iter().map(operation).collect()
    }

    /// Whether it is admitted where each key holds so many bytes.
    fn admits(length: usize, lines: &[&str]) -> bool {
        let batch = batch(lines);
        let keys = keys(batch.iter(), |_| false).expect("few");
        let lengths = keys.into_iter().map(|key| (key, length));
        Estimate::new(lengths, usize::MAX).admit(batch.iter()).is_ok()
    }

    #[test]
    fn lengths_are_asked_for_only_where_something_is_expensive() {
        let cheap = batch(&["SET a 1", "RENAME a b", "SETBIT c 7 1", "GET a"]);
        assert_eq!(keys(cheap.iter(), |_| false), Ok(Vec::new()));
        let dear = batch(&["SET a 1", "RENAME x a", "LCS a b", "LCS b a"]);
        assert_eq!(
            keys(dear.iter(), |_| false),
            Ok(["a", "b", "x"].map(Bytes::from).iter().collect())
        );
        let lines: Vec<String> = (0..=MOST_KEYS).map(|n| format!("BITCOUNT {n}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert!(keys(batch(&lines).iter(), |_| false).is_err());
    }

    #[test]
    fn values_that_grow_within_the_transaction_count_as_long() {
        assert!(admits(2000, &["LCS a b"]));
        assert!(!admits(11_000, &["LCS a b"]));
        assert!(admits(11_000, &["SET a short", "LCS a b"]));
        assert!(admits(11_000, &["DEL a", "LCS a b"]));
        assert!(!admits(11_000, &["COPY a b", "LCS a b"]));
        assert!(!admits(11_000, &["SET a short", "RENAME b a", "LCS a b"]));
        assert!(!admits(2000, &["SETBIT a 80000000 1", "LCS a b"]));
        let long = format!("APPEND a {}", "x".repeat(5000));
        assert!(!admits(2000, &[&long, "LCS a b"]));
    }

    #[test]
    fn what_is_cheap_once_is_not_a_thousand_times() {
        let lcs = vec!["LCS a b"; 1000];
        assert!(admits(100, &lcs));
        assert!(!admits(1000, &lcs));
        let count = vec!["BITCOUNT a"; 1000];
        assert!(admits(100_000, &count));
        assert!(!admits(64 << 20, &count));
    }
}
