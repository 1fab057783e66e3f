//! Ranges as clients write them: both ends belong to the range, and negative ends count from the
//! end.

use std::ops::Range;

/// The part of `len` elements from `start` to `end`, clamped as Valkey clamps: an end before the
/// first element becomes the first element. If both ends are negative and `start` is greater, the
/// range is empty.
pub(crate) fn clamped(start: i64, end: i64, len: usize) -> Range<usize> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let place = |at: i64| {
        let distance = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        if at < 0 { len.saturating_sub(distance) } else { distance }
    };
    let (start, end) = (place(start), place(end).saturating_add(1).min(len));
    if start < end { start..end } else { 0..0 }
}

/// As [`clamped`], but both ends are clamped before they are compared, as `BITPOS` does.
pub(crate) fn ordered(start: i64, end: i64, len: usize) -> Range<usize> {
    let start = start.max(i64::try_from(len).map_or(i64::MIN, |len| -len));
    let end = end.max(i64::try_from(len).map_or(i64::MIN, |len| -len));
    clamped(start, end, len)
}

#[cfg(test)]
mod tests {
    use super::clamped;

    #[test]
    fn ends_are_clamped_as_in_valkey() {
        for (start, end, expected) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-3, -1, 2..5),
            (-1, -3, 0..0),
            (-100, 100, 0..5),
            (100, 200, 0..0),
            (-100, -50, 0..1),
            (-100, 0, 0..1),
            (0, -100, 0..1),
            (3, 2, 0..0),
            (i64::MIN, i64::MAX, 0..5),
        ] {
            assert_eq!(clamped(start, end, 5), expected, "{start} {end}");
        }
        assert_eq!(clamped(0, -1, 0), 0..0);
        assert_eq!(clamped(-1, 0, 0), 0..0);
    }
}
