//! `LCS`: the longest common subsequence of two values.

use std::ops::Range;

use bytes::Bytes;

use super::string::integer_of;
use crate::message::{ErrorReply, Reply};
use crate::store::cost::LONGEST_VALUE;
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::read::keys::{Reader, Source};

#[derive(Debug, Default)]
struct Options {
    len: bool,
    ranges: bool,
    /// Shorter ranges are left out of the reply.
    min_len: usize,
    with_len: bool,
}

impl Options {
    fn parse(words: &[Bytes]) -> Result<Options, ErrorReply> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("IDX") {
                options.ranges = true;
            } else if is("LEN") {
                options.len = true;
            } else if is("WITHMATCHLEN") {
                options.with_len = true;
            } else if is("MINMATCHLEN") {
                let len = integer::argument(words.next().ok_or_else(refusal::syntax)?)?;
                options.min_len = usize::try_from(len).unwrap_or(0);
            } else {
                return Err(refusal::syntax());
            }
        }
        if options.ranges && options.len {
            let text = "If you want both the length and indexes, please just use IDX.";
            return Err(ErrorReply::Failed(text.into()));
        }
        Ok(options)
    }
}

/// `LCS`
pub(crate) fn lcs(
    reader: &Reader<'_, impl Source>,
    keys: [&Bytes; 2],
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let options = Options::parse(options)?;
    let (a, b) = (reader.value_or_empty(keys[0])?, reader.value_or_empty(keys[1])?);
    // The bound of Valkey's table, which has four bytes for each pair of positions.
    if (a.len() + 1).saturating_mul(b.len() + 1) > LONGEST_VALUE / 4 {
        let text = "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        return Err(ErrorReply::Failed(text.into()));
    }
    let table = Table::new(&a, &b, !options.len);
    if options.len {
        return Ok(integer_of(table.len));
    }
    let ranges = table.ranges(&a, &b);
    reader.scope.bounded(if options.ranges {
        let matches =
            ranges.iter().filter(|it| it.a.len() >= options.min_len).map(|it| it.reply(&options));
        Reply::Map(vec![
            (Reply::value("matches"), Reply::Array(matches.collect())),
            (Reply::value("len"), integer_of(table.len)),
        ])
    } else {
        let parts: Vec<&[u8]> = ranges.into_iter().rev().map(|it| &a[it.a]).collect();
        Reply::Value(parts.concat().into())
    })
}

/// A part that both values contain. Both ranges have the same length.
#[derive(Debug, PartialEq, Eq)]
struct Match {
    a: Range<usize>,
    b: Range<usize>,
}

impl Match {
    fn reply(&self, options: &Options) -> Reply {
        let ends = |range: &Range<usize>| {
            Reply::Array(vec![integer_of(range.start), integer_of(range.end - 1)])
        };
        let mut items = vec![ends(&self.a), ends(&self.b)];
        if options.with_len {
            items.push(integer_of(self.a.len()));
        }
        Reply::Array(items)
    }
}

/// The length of the longest common subsequence, and one bit for each pair of positions, from which
/// the subsequence is traced.
struct Table {
    len: usize,
    width: usize,
    /// Whether the subsequence is longer without the last byte of the first prefix than without the
    /// last byte of the second.
    drops_first: Vec<u64>,
}

impl Table {
    fn new(a: &[u8], b: &[u8], keeps_way: bool) -> Table {
        let bits = if keeps_way { a.len() * b.len() } else { 0 };
        let mut drops_first = vec![0_u64; bits.div_ceil(64)];
        // The lengths for prefixes of `b`: `before` with the prefix of `a` up to the byte before,
        // `row` with the prefix up to this byte.
        let (mut before, mut row) = (vec![0_u32; b.len() + 1], vec![0_u32; b.len() + 1]);
        for (i, byte) in a.iter().enumerate() {
            for (j, other) in b.iter().enumerate() {
                let (without_first, without_second) = (before[j + 1], row[j]);
                row[j + 1] =
                    if byte == other { before[j] + 1 } else { without_first.max(without_second) };
                if keeps_way && without_first > without_second {
                    let bit = i * b.len() + j;
                    drops_first[bit / 64] |= 1 << (bit % 64);
                }
            }
            std::mem::swap(&mut before, &mut row);
        }
        let len = before.last().map_or(0, |len| *len as usize);
        Table { len, width: b.len(), drops_first }
    }

    /// The common parts of the values, the last part first.
    fn ranges(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let mut ranges: Vec<Match> = Vec::new();
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match ranges.last_mut() {
                    Some(last) if last.a.start == i + 1 && last.b.start == j + 1 => {
                        (last.a.start, last.b.start) = (i, j);
                    }
                    _ => ranges.push(Match { a: i..i + 1, b: j..j + 1 }),
                }
            } else {
                let bit = (i - 1) * self.width + j - 1;
                if self.drops_first[bit / 64] & (1 << (bit % 64)) != 0 {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(a: &str, b: &str) -> (usize, Vec<Match>) {
        let table = Table::new(a.as_bytes(), b.as_bytes(), true);
        (table.len, table.ranges(a.as_bytes(), b.as_bytes()))
    }

    #[test]
    fn the_last_part_in_common_comes_first() {
        let expected = vec![Match { a: 4..8, b: 5..9 }, Match { a: 2..4, b: 0..2 }];
        assert_eq!(common("ohmytext", "mynewtext"), (6, expected));
        assert_eq!(common("same", "same"), (4, vec![Match { a: 0..4, b: 0..4 }]));
        assert_eq!(common("", "x"), (0, vec![]));
        assert_eq!(common("ab", "xy"), (0, vec![]));
    }

    #[test]
    fn the_length_needs_no_way() {
        assert_eq!(Table::new(b"ohmytext", b"mynewtext", false).len, 6);
    }

    #[test]
    fn length_and_ranges_exclude_each_other() {
        let words =
            |text: &'static str| -> Vec<Bytes> { text.split(' ').map(Bytes::from).collect() };
        for (text, expected) in [
            ("LEN IDX", "If you want both the length and indexes, please just use IDX."),
            ("MINMATCHLEN", "syntax error"),
            ("MINMATCHLEN x", "value is not an integer or out of range"),
            ("FOO", "syntax error"),
        ] {
            let error = Options::parse(&words(text)).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        assert!(Options::parse(&words("len LEN WITHMATCHLEN MINMATCHLEN -5")).is_ok());
    }
}
