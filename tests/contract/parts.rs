//! Parts of values: ranges, bits, what two have in common; and numbers in them.

use bytes::Bytes;
use kvsock::message::Reply;

use crate::engine::{Home, Subject, error, value};

const NO_NUMBER: &str = "value is not an integer or out of range";
const TOO_LONG: &str = "string exceeds maximum allowed size (proto-max-bulk-len)";
const NO_FLOAT: &str = "value is not a valid float";
const NO_BIT: &str = "bit is not an integer or out of range";
const NO_OFFSET: &str = "bit offset is not an integer or out of range";

pub(crate) async fn values_grow_at_their_end(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("STRLEN", &["k"], Reply::Integer(0)),
        ("APPEND", &["k", ""], Reply::Integer(0)),
        ("EXISTS", &["k"], Reply::Integer(1)),
        ("APPEND", &["k", "Hello"], Reply::Integer(5)),
        ("EXPIREAT", &["k", "99999999999"], Reply::Integer(1)),
        ("APPEND", &["k", "!"], Reply::Integer(6)),
        ("GET", &["k"], value("Hello!")),
        ("STRLEN", &["k"], Reply::Integer(6)),
        ("EXPIRETIME", &["k"], Reply::Integer(99_999_999_999)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn ranges_are_got_and_set(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["k", "Hello"], Reply::OK),
        ("GETRANGE", &["k", "0", "-1"], value("Hello")),
        ("GETRANGE", &["k", "-3", "-1"], value("llo")),
        ("GETRANGE", &["k", "-100", "-50"], value("H")),
        ("GETRANGE", &["k", "-1", "-3"], value("")),
        ("GETRANGE", &["none", "0", "1"], value("")),
        ("GETRANGE", &["none", "0", "+1"], error(NO_NUMBER)),
        ("SETRANGE", &["k", "1", "ipp"], Reply::Integer(5)),
        ("GET", &["k"], value("Hippo")),
        ("SETRANGE", &["k", "8", "x"], Reply::Integer(9)),
        ("GET", &["k"], value("Hippo\0\0\0x")),
        ("SETRANGE", &["none", "5", ""], Reply::Integer(0)),
        ("SETRANGE", &["none", "-1", ""], error("offset is out of range")),
        ("SETRANGE", &["none", "536870912", "x"], error(TOO_LONG)),
        ("SETRANGE", &["none", "9223372036854775807", "x"], error(TOO_LONG)),
        ("SETRANGE", &["k", "a", "x"], error(NO_NUMBER)),
        ("EXISTS", &["none"], Reply::Integer(0)),
    ];
    store.expect(steps).await;
}

pub(crate) async fn bits_are_set_got_and_counted(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SETBIT", &["b", "7", "1"], Reply::Integer(0)),
        ("SETBIT", &["b", "7", "0"], Reply::Integer(1)),
        ("SETBIT", &["b", "100", "0"], Reply::Integer(0)),
        ("STRLEN", &["b"], Reply::Integer(13)),
        ("GETBIT", &["b", "4294967295"], Reply::Integer(0)),
        ("GETBIT", &["b", "4294967296"], error(NO_OFFSET)),
        ("SETBIT", &["b", "a", "a"], error(NO_OFFSET)),
        ("SETBIT", &["b", "1", "2"], error(NO_BIT)),
        ("SET", &["b", "foobar"], Reply::OK),
        ("GETBIT", &["b", "1"], Reply::Integer(1)),
        ("BITCOUNT", &["b"], Reply::Integer(26)),
        ("BITCOUNT", &["b", "1", "1", "BYTE"], Reply::Integer(6)),
        ("BITCOUNT", &["b", "5", "30", "bit"], Reply::Integer(17)),
        ("BITCOUNT", &["none", "0", "1"], Reply::Integer(0)),
        ("BITCOUNT", &["b", "5", "30", "FOO"], error("syntax error")),
        ("BITCOUNT", &["b", "a", "1"], error(NO_NUMBER)),
        ("BITPOS", &["b", "1"], Reply::Integer(1)),
        ("BITPOS", &["b", "0"], Reply::Integer(0)),
        ("BITPOS", &["b", "1", "5", "30", "BIT"], Reply::Integer(5)),
        ("BITPOS", &["b", "1", "2", "-1", "byte"], Reply::Integer(17)),
        ("BITPOS", &["b", "1", "-1", "-3"], Reply::Integer(-1)),
        ("BITPOS", &["none", "1"], Reply::Integer(-1)),
        ("BITPOS", &["none", "0"], Reply::Integer(0)),
        ("SETRANGE", &["full", "0", "\u{7f}"], Reply::Integer(1)),
        ("BITOP", &["NOT", "full", "full"], Reply::Integer(1)),
        ("SETBIT", &["full", "0", "0"], Reply::Integer(1)),
        ("BITOP", &["NOT", "full", "full"], Reply::Integer(1)),
        ("BITPOS", &["full", "0"], Reply::Integer(8)),
        ("BITPOS", &["full", "0", "0", "-1"], Reply::Integer(-1)),
        ("BITPOS", &["b", "2"], error("The bit argument must be 1 or 0.")),
        ("BITPOS", &["b", "1", "0", "1", "FOO"], error("syntax error")),
        ("BITPOS", &["b", "1", "0", "1", "BIT", "x"], error("syntax error")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn values_are_combined_bit_by_bit(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SET", &["{b}x", "abc", "EX", "100"], Reply::OK),
        ("SET", &["{b}y", "ABCD"], Reply::OK),
        ("BITOP", &["AND", "{b}to", "{b}x", "{b}y"], Reply::Integer(4)),
        ("GET", &["{b}to"], value("ABC\0")),
        ("BITOP", &["or", "{b}to", "{b}x", "{b}y", "{b}none"], Reply::Integer(4)),
        ("GET", &["{b}to"], value("abcD")),
        ("BITOP", &["XOR", "{b}x", "{b}x", "{b}y"], Reply::Integer(4)),
        ("GET", &["{b}x"], value("   D")),
        ("TTL", &["{b}x"], Reply::Integer(-1)),
        ("BITOP", &["AND", "{b}to", "{b}y"], Reply::Integer(4)),
        ("GET", &["{b}to"], value("ABCD")),
        ("LAST", &["2"], Reply::Pairs(vec![pair("{b}x", "   D"), pair("{b}to", "ABCD")])),
        ("BITOP", &["AND", "{b}to", "{b}none"], Reply::Integer(0)),
        ("EXISTS", &["{b}to"], Reply::Integer(0)),
        ("LAST", &["1"], Reply::Pairs(vec![pair("{b}x", "   D")])),
        ("BITOP", &["NAND", "{b}to", "{b}x"], error("syntax error")),
        (
            "BITOP",
            &["NOT", "{b}to", "{b}x", "{b}y"],
            error("BITOP NOT must be called with a single source key."),
        ),
    ];
    store.expect(steps).await;
}

fn pair(key: &'static str, value: &'static str) -> (Bytes, Bytes) {
    (Bytes::from(key), Bytes::from(value))
}

pub(crate) async fn integers_of_any_width_stand_in_values(subject: &Subject) {
    let store = subject.open();
    let numbers = |numbers: &[i64]| {
        Reply::Array(numbers.iter().map(|number| Reply::Integer(*number)).collect())
    };
    let steps: &[(&str, &[&str], Reply)] = &[
        ("BITFIELD", &["f", "INCRBY", "i5", "100", "1", "GET", "u4", "0"], numbers(&[1, 0])),
        ("STRLEN", &["f"], Reply::Integer(14)),
        ("BITFIELD", &["f", "SET", "i8", "#0", "100", "get", "u8", "0"], numbers(&[0, 100])),
        ("BITFIELD", &["f", "INCRBY", "i8", "0", "100"], numbers(&[-56])),
        (
            "BITFIELD",
            &["f", "OVERFLOW", "SAT", "INCRBY", "u8", "0", "100", "INCRBY", "i8", "8", "-200"],
            numbers(&[255, -128]),
        ),
        (
            "BITFIELD",
            &["f", "OVERFLOW", "FAIL", "INCRBY", "u8", "0", "1", "GET", "u8", "0"],
            Reply::Array(vec![Reply::Nil, Reply::Integer(255)]),
        ),
        ("BITFIELD", &["new", "OVERFLOW", "FAIL", "SET", "u1", "20", "2"], Reply::List(vec![None])),
        ("STRLEN", &["new"], Reply::Integer(3)),
        ("BITFIELD_RO", &["f", "GET", "i8", "#1", "GET", "i64", "900"], numbers(&[-128, 0])),
        ("BITFIELD_RO", &["none", "GET", "u63", "0"], numbers(&[0])),
        ("EXISTS", &["none"], Reply::Integer(0)),
        (
            "BITFIELD_RO",
            &["f", "SET", "u8", "0", "1"],
            error("BITFIELD_RO only supports the GET subcommand"),
        ),
        (
            "BITFIELD",
            &["f", "GET", "u64", "0"],
            error(
                "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
                 but i64 is.",
            ),
        ),
        ("BITFIELD", &["f", "GET", "u8", "-1"], error(NO_OFFSET)),
        ("BITFIELD", &["f", "SET", "u8", "0", "x"], error(NO_NUMBER)),
        ("BITFIELD", &["f", "OVERFLOW", "FOO"], error("Invalid OVERFLOW type specified")),
        ("BITFIELD", &["f", "GET", "u8"], error("syntax error")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn counting_takes_any_step(subject: &Subject) {
    let store = subject.open();
    let overflow = "increment or decrement would overflow";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("INCRBY", &["n", "5"], Reply::Integer(5)),
        ("DECRBY", &["n", "10"], Reply::Integer(-5)),
        ("INCRBY", &["n", "01"], error(NO_NUMBER)),
        ("DECRBY", &["n", "-9223372036854775808"], error("decrement would overflow")),
        ("DECRBY", &["n", "9223372036854775807"], error(overflow)),
        ("GET", &["n"], value("-5")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn fractions_are_added_in_80_bits(subject: &Subject) {
    let store = subject.open();
    let infinite = "increment would produce NaN or Infinity";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("INCRBYFLOAT", &["f", "0.1"], value("0.1")),
        ("INCRBYFLOAT", &["f", "0.2"], value("0.3")),
        ("INCRBYFLOAT", &["f", "1e3"], value("1000.29999999999999999")),
        ("INCRBYFLOAT", &["f", "-1000.3"], value("0")),
        ("INCRBYFLOAT", &["f", "0x1p3"], value("8")),
        ("INCRBYFLOAT", &["f", "inf"], error(infinite)),
        ("INCRBYFLOAT", &["f", "nan"], error(NO_FLOAT)),
        ("INCRBYFLOAT", &["f", " 1"], error(NO_FLOAT)),
        ("INCRBYFLOAT", &["f", "1e4933"], error(NO_FLOAT)),
        ("SET", &["f", "3.14159265358979323846", "EXAT", "99999999999"], Reply::OK),
        ("INCRBYFLOAT", &["f", "0"], value("3.14159265358979324")),
        ("EXPIRETIME", &["f"], Reply::Integer(99_999_999_999)),
        ("SET", &["f", "x"], Reply::OK),
        ("INCRBYFLOAT", &["f", "1"], error(NO_FLOAT)),
    ];
    store.expect(steps).await;
}

/// A part that two values have in common, as `LCS` tells it.
fn matching(a: [i64; 2], b: [i64; 2], len: i64) -> Reply {
    let range = |ends: [i64; 2]| Reply::Array(ends.map(Reply::Integer).to_vec());
    Reply::Array(vec![range(a), range(b), Reply::Integer(len)])
}

pub(crate) async fn what_two_values_have_in_common_is_found(subject: &Subject) {
    let store = subject.open();
    let matches = vec![matching([4, 7], [5, 8], 4), matching([2, 3], [0, 1], 2)];
    let found = |matches| {
        Reply::Map(vec![
            (value("matches"), Reply::Array(matches)),
            (value("len"), Reply::Integer(6)),
        ])
    };
    let both = "If you want both the length and indexes, please just use IDX.";
    let steps: &[(&str, &[&str], Reply)] = &[
        ("MSET", &["a", "ohmytext", "b", "mynewtext"], Reply::OK),
        ("LCS", &["a", "b"], value("mytext")),
        ("LCS", &["a", "b", "LEN"], Reply::Integer(6)),
        ("LCS", &["a", "none"], value("")),
        ("LCS", &["a", "b", "IDX", "WITHMATCHLEN"], found(matches.clone())),
        (
            "LCS",
            &["a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN"],
            found(matches[..1].to_vec()),
        ),
        ("LCS", &["a", "b", "LEN", "IDX"], error(both)),
        ("LCS", &["a", "b", "FOO"], error("syntax error")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn too_long_values_are_not_compared(subject: &Subject) {
    let store = subject.open();
    for key in ["a", "b"] {
        store.set(key, vec![b'x'; 11_590]).await;
    }
    // A server has one thread for all clients, so the bound is a lower one there.
    let text = if matches!(subject.home, Home::Directory { .. }) {
        "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    } else {
        "LCS too expensive for the store: values of 11590 and 11590 bytes, whose product may be \
         8388608"
    };
    assert_eq!(store.one("LCS", &[b"a", b"b", b"LEN"]).await, error(text));
}
