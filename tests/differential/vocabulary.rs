//! The words that random commands are made of, chosen where servers have been known to differ.

/// Keys that hold anything.
pub(crate) const KEYS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"k",
    b"hello",
    b"hallo",
    b"h*llo",
    b"h[a]llo",
    b"user:1",
    b"user:2",
    b"",
    b"\x00\xff\r\n",
    b"with space",
    b"list",
];

/// Keys that mostly hold numbers.
pub(crate) const NUMBERS: &[&[u8]] = &[b"n1", b"n2", b"n3"];

/// Keys that only ever hold short values, for LCS, whose cost is the product of two lengths.
pub(crate) const SHORT: &[&[u8]] = &[b"s1", b"s2", b"s3"];

/// No valid number, out of range, or harmless wherever a number is expected: never a time to live
/// that ends during the run, nor an offset that takes much memory.
pub(crate) const ODD: &[&[u8]] = &[
    b"0",
    b"-1",
    b"",
    b"abc",
    b"1.5",
    b"+5",
    b"05",
    b" 5",
    b"5 ",
    b"-0",
    b"0x10",
    b"-",
    b"1e3",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"99999999999999999999999",
    b"5\x00",
];

/// Numbers in every spelling that strtold takes, and some that it does not.
pub(crate) const FLOATS: &[&[u8]] = &[
    b"1",
    b"0",
    b"-1",
    b"0.1",
    b"0.2",
    b"-0.3",
    b"1e3",
    b"1E-3",
    b".5",
    b"5.",
    b"-.5",
    b"inf",
    b"-inf",
    b"+inf",
    b"infinity",
    b"nan",
    b"-nan",
    b"-0",
    b"-0.0",
    b"0x10",
    b"0x1p3",
    b"1e400",
    b"-1e400",
    b"1e4932",
    b"1e4933",
    b"1e-17",
    b"1e-18",
    b"1e-400",
    b"1e-5000",
    b" 1",
    b"1 ",
    b"",
    b"+1",
    b"01",
    b"1e",
    b"1_0",
    b"1,5",
    b"abc",
    b"1\x00",
    b"3.14159265358979323846",
    b"1e20",
    b"123456789012345678",
    b"18446744073709551615",
    b"9223372036854775807",
    b"0.000001",
];

/// What is awkward in a reply, in an error's text or as an argument of any command.
pub(crate) const BYTES: &[&[u8]] = &[
    b"\x00",
    b"\r\n",
    b"\n",
    b"\xff\xfe",
    b" ",
    b"a b",
    b"'",
    b"\"",
    b"\\",
    b"it's",
    b"a\x00b",
    "\u{e9}\u{20ac}".as_bytes(),
    b"$5\r\nhello\r\n",
];

/// All keys that can come to hold something.
pub(crate) fn all_keys() -> impl Iterator<Item = Vec<u8>> {
    [KEYS, NUMBERS, SHORT].into_iter().flatten().map(|key| key.to_vec())
}

/// Patterns, right and wrong ones, for the keys above.
pub(crate) const PATTERNS: &[&[u8]] = &[
    b"*",
    b"h?llo",
    b"h[ae]llo",
    b"h[^e]llo",
    b"user:*",
    b"h\\*llo",
    b"[",
    b"h[a",
    b"",
    b"*a*",
    b"?",
    b"[a-c]",
    b"[c-a]",
    b"**",
    b"h[[]a]llo",
    b"n[0-9]",
    b"s*",
    b"\\a",
    b"a\\",
];
