//! `LCS`: the longest common subsequence of two values.

use std::ops::Range;

use bytes::Bytes;

use super::part::integer_of;
use crate::message::{ErrorReply, Reply};
use crate::store::cost::field::LONGEST_VALUE;
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::read::keys::{Reader, Source};

/// The number of bytes of the second value that are compared at a time. Their positions fit into the
/// cache of the processor.
const STRIP: usize = 4096;

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
///
/// A row is computed 64 positions at a time, by the addition of H. Hyyrö, "Bit-parallel LCS-length
/// computation revisited", 2004.
struct Table {
    len: usize,
    width: usize,
    /// Whether the subsequence of two prefixes is longer than without the last byte of the second
    /// prefix.
    grows: Vec<u64>,
}

impl Table {
    fn new(a: &[u8], b: &[u8], keeps_way: bool) -> Table {
        let bits = if keeps_way { a.len() * b.len() } else { 0 };
        let mut grows = vec![0; bits.div_ceil(64)];
        // The carry of each row, from one strip to the next.
        let mut carries = vec![false; if b.len() > STRIP { a.len() } else { 0 }];
        let mut len = 0;
        for (number, strip) in b.chunks(STRIP).enumerate() {
            let words = strip.len().div_ceil(64);
            let positions = positions(strip, words);
            // The complement of a row of `grows`. All bits are set at first, and bits past the end
            // of the strip stay set.
            let mut row = vec![u64::MAX; words];
            for (i, byte) in a.iter().enumerate() {
                let mut carry = carries.get(i).copied().unwrap_or_default();
                let positions = &positions[usize::from(*byte) * words..][..words];
                for (row, positions) in row.iter_mut().zip(positions) {
                    let same = *row & positions;
                    let (sum, is_over) = row.overflowing_add(same);
                    let (sum, is_over_by_carry) = sum.overflowing_add(u64::from(carry));
                    carry = is_over || is_over_by_carry;
                    *row = sum | (*row & !same);
                }
                carries.get_mut(i).into_iter().for_each(|next| *next = carry);
                if keeps_way {
                    write(&mut grows, i * b.len() + number * STRIP, &row);
                }
            }
            len += row.iter().map(|word| word.count_zeros() as usize).sum::<usize>();
        }
        Table { len, width: b.len(), grows }
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
                if self.grows[bit / 64] & (1 << (bit % 64)) != 0 {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        ranges
    }
}

/// The positions of each byte value in `strip`, one bit for each position.
fn positions(strip: &[u8], words: usize) -> Vec<u64> {
    let mut positions = vec![0; (usize::from(u8::MAX) + 1) * words];
    for (position, byte) in strip.iter().enumerate() {
        positions[usize::from(*byte) * words + position / 64] |= 1 << (position % 64);
    }
    positions
}

/// Writes the complement of `row` into `table`, from the bit `start` on. These bits must be zero.
fn write(table: &mut [u64], start: usize, row: &[u64]) {
    let (first, shift) = (start / 64, start % 64);
    for (word, bits) in row.iter().enumerate() {
        table[first + word] |= !bits << shift;
        if shift > 0
            && let Some(next) = table.get_mut(first + word + 1)
        {
            *next |= !bits >> (64 - shift);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table, computed for one pair of positions after the other.
    fn slow_table(a: &[u8], b: &[u8]) -> Table {
        let mut grows = vec![0; (a.len() * b.len()).div_ceil(64)];
        let (mut before, mut row) = (vec![0; b.len() + 1], vec![0; b.len() + 1]);
        for (i, byte) in a.iter().enumerate() {
            for (j, other) in b.iter().enumerate() {
                let longer: usize = before[j + 1].max(row[j]);
                row[j + 1] = if byte == other { before[j] + 1 } else { longer };
                let bit = i * b.len() + j;
                grows[bit / 64] |= u64::from(row[j + 1] > row[j]) << (bit % 64);
            }
            std::mem::swap(&mut before, &mut row);
        }
        Table { len: before[b.len()], width: b.len(), grows }
    }

    #[test]
    fn all_of_the_table_is_as_if_computed_one_by_one() {
        let mut random = 1_u64;
        let mut value = |len: usize, bytes: u64| -> Vec<u8> {
            let next = |_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from((random >> 33) % bytes).expect("a byte")
            };
            (0..len).map(next).collect()
        };
        for bytes in [1, 2, 4, 256] {
            for (a, b) in [
                (0, 5),
                (5, 0),
                (1, 1),
                (300, 1),
                (1, 300),
                (70, 3),
                (63, 64),
                (65, 64),
                (64, 65),
                (100, 191),
                (33, STRIP),
                (40, STRIP + 1),
                (50, 2 * STRIP + 77),
            ] {
                let (one, other) = (value(a, bytes), value(b, bytes));
                let (table, slow) = (Table::new(&one, &other, true), slow_table(&one, &other));
                assert_eq!(table.len, slow.len, "{a} {b} {bytes}");
                assert!(table.grows == slow.grows, "{a} {b} {bytes}");
                assert_eq!(Table::new(&one, &other, false).len, slow.len, "{a} {b} {bytes}");
            }
        }
    }

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
